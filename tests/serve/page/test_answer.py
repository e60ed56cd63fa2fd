"""The views of an answer: what stands beside a score, heat maps by keys, plots of the row that is open, filters."""

import re

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

pytestmark = pytest.mark.slow


def read_out(page):
    """What a screen reader reads of a heat map: its active field."""
    return page.evaluate(
        "document.getElementById(document.querySelector('.heatbox').getAttribute('aria-activedescendant')).innerText"
    )


def test_a_heat_map_by_keys(tab, answer):
    page = tab.open(f"/q/{answer}/heat?rows=pert_iname&order=name")
    grid = page.locator(".heatbox")
    assert grid.get_attribute("aria-rowcount") == "12" and grid.get_attribute("aria-colcount") == "4"
    grid.focus()
    first = read_out(page)
    assert re.fullmatch(r"CDK1, A375: (not measured|[+−][\d.]+)", first)
    assert page.locator(".heatbox .tip").inner_text() == first, "what is read out is seen too"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert read_out(page).startswith("drug-0, HT29: ")
    page.keyboard.press("Control+End")
    assert read_out(page).startswith("TP53, PC3: ")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert read_out(page) == "TP53: name of the row"
    page.keyboard.press("+")
    tab.settle()
    assert "zoom=1.50" in page.url
    page.keyboard.press("0")
    tab.settle()
    assert "zoom" not in page.url
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sigs?**")
    tab.settle()
    chips = page.inner_text(".chips")
    assert "Name is TP53" in chips and "Cell is A375" in chips


def test_rows_of_a_heat_map_by_one_of_its_columns(tab, answer):
    page = tab.open(f"/q/{answer}/heat?order=name")
    grid = page.locator(".heatbox")
    grid.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    assert read_out(page) == "MCF7: title of the column"
    page.keyboard.press("Enter")
    tab.settle()
    assert "col=MCF7" in page.url and "rows by MCF7" in page.inner_text(".tools >> nth=1")
    page.get_by_text("The same as a table").click()
    at = page.locator(".heat thead th").all_inner_texts().index("MCF7")
    values = [row.locator("td").nth(at - 1).inner_text() for row in page.locator(".heat tbody tr").all()]
    known = [float(value.replace("−", "-")) for value in values if value != "·"]
    assert known == sorted(known, reverse=True) and len(known) > 1
    assert values[len(known) :] == ["·"] * (len(values) - len(known)), "what was not measured comes last"


def test_a_heat_map_of_a_type_that_is_not_there_says_so(tab, ask, genes):
    key = ask(name="compounds", up=genes[0], where=["pert_type=trt_cp"])
    page = tab.open(f"/q/{key}/heat?kind=loss")
    assert "no perturbagen of this type has a score with a known cell" in page.inner_text("#main")


def test_what_a_score_is_read_against(tab, answer):
    page = tab.open(f"/q/{answer}")
    text = page.locator(".beside").inner_text()
    assert "48 null signatures, 192 treatments" in text
    page = tab.open(f"/q/{answer}/perts?row=drug-1")
    text = page.locator(".beside").inner_text()
    assert re.search(r"\d+ of 48 null signatures? reach(es)? \+[\d.]+ or beyond", text)
    assert re.search(r"\d+ of \d+ background questions score less here", text)
    assert page.locator(".beside svg").count() == 2
    page = tab.open("/sig/TOY001_A375_24H:BRD-K000:0?q=" + answer)
    assert page.locator(".beside svg").count() == 2 and page.locator(".enrichment svg").count() == 1


def test_every_row_has_its_plot(tab, answer):
    page = tab.open(f"/q/{answer}/classes?row=planted+inhibitor")
    detail = page.locator(".detail")
    assert "5 members among 12 perturbagens ranked by NCS; enrichment score +1.00" in detail.inner_text()
    assert detail.locator(".enrichment svg g line").count() == 5
    assert detail.locator("table.strips tbody tr").count() == 5
    page = tab.open(f"/q/{answer}/genes?row=CDK1")
    text = page.locator(".detail").inner_text()
    assert "Loss of the gene" in text and "shRNA" in text and "No gain of it is in this answer" in text
    assert "5 members among 12" in text
    page = tab.open(f"/q/{answer}/perts?row=CDK1")
    page.get_by_label("of the signature").select_option(index=1)
    tab.settle()
    assert page.locator(".detail .enrichment svg").count() == 1


def test_signatures_that_the_question_left_out_are_no_points(tab, ask, genes):
    key = ask(name="in one cell", up=genes[0], down=genes[1], where=["cell_id=A375"])
    page = tab.open(f"/q/{key}/scatter?x=ncs&y=tas&colour=cell_id")
    text = page.inner_text("#main")
    assert "60 signatures" in text and "240" not in text and "4 cells" not in text
    assert page.locator(".legend").inner_text().split("\n")[0].split() == ["A375", "60"]
    page.get_by_role("button", name="List what is in view").click()
    tab.settle()
    assert "60 signatures of 60" in page.locator("section", has_text="Chosen points").inner_text()
    colours = page.get_by_label("Colour").locator("option").all_inner_texts()
    assert {"Cell", "Phase", "Indication", "Mechanism", "TAS", "NCS", "tau"} <= set(colours), "any field colours"


def test_the_focus_follows_the_view(tab, answer):
    page = tab.open(f"/q/{answer}")
    page.get_by_role("link", name="Heat map").click()
    tab.settle()
    assert page.evaluate("document.activeElement.innerText") == "Heat map", "tabs keep it"
    page.get_by_role("link", name="About").click()
    tab.settle()
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.get_by_role("status").last.inner_text() == "About"


def test_print_says_where_an_answer_is_from(tab, answer):
    page = tab.open(f"/q/{answer}")
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_timeout(150)
    text = page.locator(".printed").inner_text()
    assert "state " in text and f"/q/{answer}" in text and page.locator(".sure details[open]").count() == 1
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", "no dark paper"


def test_two_answers_against_each_other(tab, ask, answer, genes):
    other, third = ask(name="half", up=genes[0][:15]), ask(name="opposite", up=genes[1], down=genes[0])
    page = tab.open(f"/compare?q={answer},{other},{third}")
    page.locator(".heatbox").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert read_out(page).startswith("half, opposite: −")
    page.keyboard.press("Enter")
    tab.settle()
    assert "a=2" in page.url and "b=1" in page.url
    assert "NCS, opposite" in page.locator(".scatter .axes").text_content()


def test_repurposing_shows_what_is_behind_a_compound(tab, answer):
    page = tab.open(f"/repurposing?q={answer}&direction=mimic&cells=1")
    head = [cell.inner_text() for cell in page.locator("[role=columnheader]").all()]
    assert head[:4] == ["Name", "Passes", "Score", "What is against it"], "what is against it stands where it is seen"
    page.locator(".item").first.locator(".cell").nth(1).click()
    tab.settle()
    text = page.locator(".detail").inner_text()
    assert "gainst it" in text and "Cell by cell" in text and "null signature" in text
    assert tab.axe() == []


def test_a_reversed_question_says_so_and_what_is_wanted_stays_said_of_the_genes_as_given(tab, ask, answer, genes):
    page = tab.open(f"/repurposing?q={answer}&direction=reverse&cells=1")
    rows = page.locator("[role=grid] .item")
    expect(rows.first).to_be_visible()
    wanted = rows.all_inner_texts()
    passing = page.get_by_text("these limits")
    said = passing.inner_text()
    assert re.match(r"\d+ compounds? of 9 pass(es)? these limits|No compound passes these limits", said)
    turned = ask(name="turned", up=genes[0], down=genes[1], direction="reverse")
    page = tab.open(f"/repurposing?q={turned}&direction=reverse&cells=1")
    expect(page.get_by_text("Wanted is the opposite of the genes as they were given")).to_be_visible()
    expect(passing).to_have_text(said)
    assert rows.all_inner_texts() == wanted
    page = tab.open(f"/q/{turned}")
    expect(page.locator("h1")).to_contain_text("30 genes up, 30 genes down, reversed")
    expect(page.get_by_text("What opposes the genes as they were given scores above 0")).to_be_visible()
    page = tab.open(f"/q/{answer}")
    expect(page.get_by_text("Asked reversed")).to_have_count(0)


def test_columns_of_doses_stand_by_size(tab, answer):
    page = tab.open(f"/q/{answer}/heat?by=pert_idose")
    page.get_by_text("The same as a table").click()
    heads = page.locator("details table thead th").all_inner_texts()[1:]
    sizes = [float(head.split()[0]) for head in heads]
    assert len(sizes) == 3 and sizes == sorted(sizes)
    assert "the max-quantile of all its signatures, whatever their cell" in page.inner_text("#main")


def test_a_scatter_by_keys(tab, answer):
    page = tab.open(f"/q/{answer}/scatter?x=ncs&y=tas")
    plot, words = page.locator(".plane canvas"), page.locator(".cursorwords")
    plot.focus()
    expect(words).to_have_text("")
    page.keyboard.press("ArrowRight")
    expect(words).to_have_text(re.compile(r"(drug-\d|CDK1|TP53|IFNG|DMSO) .+NCS"))

    def place():
        """NCS and TAS of the point that the cursor stands on, as they are read out."""
        found = re.search(r"NCS ([\u2212\d.]+), TAS ([\d.]+)$", words.inner_text())
        return [float(part.replace("\u2212", "-")) for part in found.groups()]

    seen = [place()]
    for key, at, sign in (("ArrowRight", 0, 1), ("ArrowLeft", 0, -1), ("ArrowUp", 1, 1), ("ArrowDown", 1, -1)):
        before = words.inner_text()
        page.keyboard.press(key)
        expect(words).not_to_have_text(before)
        expect(words).to_have_text(re.compile(r"TAS [\d.]+$"))
        seen.append(place())
        assert sign * (seen[-1][at] - seen[-2][at]) >= 0, key
    expect(page.locator(".plane .cursor")).to_have_count(1)
    assert tab.axe() == []
    page.keyboard.press("Home")  # no key of a plot
    page.keyboard.press("PageDown")
    expect(page.locator(".plane .tip")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/sig/**")
    tab.settle()
    page = tab.open(f"/q/{answer}/scatter?x=ncs&y=tas")
    plot.focus()
    for _ in range(300):  # through all points and beyond the last one
        page.keyboard.press("PageDown")
    expect(words).to_have_text(re.compile("NCS"))
    page.keyboard.press("Escape")
    expect(words).to_have_text("")


def test_what_has_no_q_says_why(tab, answer):
    page = tab.open(f"/q/{answer}/perts")
    expect(page.locator("#main")).to_contain_text(
        "q of perturbagens is not known: null signatures stand for single signatures"
    )


def test_doses_are_written_one_way(tab, answer):
    page = tab.open(f"/q/{answer}/heat?by=pert_idose")
    page.get_by_text("The same as a table").click()
    heads = page.locator(".heat thead th")
    expect(heads.nth(1)).to_have_text(re.compile(r"^[\d.]+ \u00b5M$"))
    page = tab.open(f"/q/{answer}/sigs?f=pert_idose:10+uM")
    expect(page.locator(".chips")).to_contain_text("Dose is 10 \u00b5M")
