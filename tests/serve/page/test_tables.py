"""Tables: what is downloaded is what is shown, they move by keys, and a million rows are as quick as ten."""

import csv
import io
from pathlib import Path

import pytest

from .test_ask import facet

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
pytestmark = pytest.mark.slow
PNG = b"\x89PNG\r\n\x1a\n"


def shown(page):
    """Header and rows of the table on the screen, as text."""
    head = page.locator("[role=grid] .head .cell").all_inner_texts()
    rows = page.locator("[role=grid] .item").all()
    return [one.replace("▾", "").replace("▴", "").strip() for one in head], [
        row.locator(".cell").all_inner_texts() for row in rows
    ]


def download(page, name):
    with page.expect_download() as caught:
        page.locator(".table .saves").first.get_by_role("button", name=name).click()
    return caught.value.suggested_filename, Path(caught.value.path()).read_text(encoding="utf-8")


def test_files_hold_the_rows_and_the_order_of_the_screen(tab, answer):
    page = tab.open(f"/q/{answer}/sigs?f=cell_id:MCF7|PC3&f=ncs>0.9&find=drug&sort=-tas")
    head, rows = shown(page)
    total = int(page.inner_text(".counts").split()[0])
    name, text = download(page, "TSV")
    lines = text.splitlines()
    comments = [line for line in lines if line.startswith("#")]
    table = list(csv.DictReader(io.StringIO("\n".join(lines[len(comments) :])), delimiter="\t"))
    assert len(table) == total >= len(rows) > 3
    assert name == "planted_signatures_cell_id-MCF7-PC3_ncs-above-0.9_drug_by-tas.tsv"
    assert any("Cell is MCF7 or PC3" in line for line in comments) and any("how sure" in line for line in comments)
    assert any(line.startswith("# tas: transcriptional activity") for line in comments)
    assert [row["sig_id"] for row in table][: len(rows)] == [row[head.index("Signature")] for row in rows]
    for row, line in zip(rows, table, strict=False):
        assert float(row[head.index("NCS")].replace("−", "-")) == pytest.approx(float(line["ncs"]), abs=0.0051)
        assert row[head.index("Name")] == line["pert_iname"] and line["cell_id"] in ("MCF7", "PC3")
    name, text = download(page, "GCT")
    lines = text.splitlines()
    assert name.endswith(".gct") and lines[0] == "#1.3"
    assert [line.split("\t")[0] for line in lines[3:]] == [row["sig_id"] for row in table]
    sizes = [int(part) for part in lines[1].split("\t")]
    assert sizes[0] == total and sizes[3] == 0 and sizes[1] + sizes[2] == len(lines[2].split("\t")) - 1
    name, text = download(page, "GMT")
    assert len(text.splitlines()) == 2 * total and text.split("\t")[0] == table[0]["sig_id"] + "_UP"
    assert all(len(line.split("\t")) == 52 for line in text.splitlines()) and name.endswith(".gmt")


@pytest.mark.parametrize(("view", "name"), [("perts", "pert_iname"), ("classes", "class"), ("genes", "symbol")])
def test_every_table_of_an_answer_is_downloaded_as_shown(tab, answer, view, name):
    page = tab.open(f"/q/{answer}/{view}")
    head, rows = shown(page)
    _, text = download(page, "TSV")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    columns = lines[0].split("\t")
    place = columns.index(name)
    first = next(at for at, title in enumerate(head) if title in ("Name", "Mechanism", "Gene"))
    assert [line.split("\t")[place] for line in lines[1:]][: len(rows)] == [row[first] for row in rows]
    assert "strip" not in columns


def saved(page, button):
    """Name and bytes of what a button keeps."""
    with page.expect_download() as caught:
        button.click()
    return caught.value.suggested_filename, Path(caught.value.path()).read_bytes()


def test_plots_are_downloaded(tab, answer):
    page = tab.open(f"/q/{answer}/heat")
    saves = page.get_by_role("group", name="Download this map")
    name, raw = saved(page, saves.get_by_role("button", name="PNG"))
    assert name == "planted_heat_cell_id.png" and raw[:8] == PNG
    name, raw = saved(page, saves.get_by_role("button", name="GCT"))
    lines = raw.decode().splitlines()
    cells = lines[2].split("\t")[1:]
    assert lines[0] == "#1.3" and sorted(cells) == ["A375", "HT29", "MCF7", "PC3"] and len(lines) == 3 + 12
    name, raw = saved(page, saves.get_by_role("button", name="TSV"))
    assert raw.decode().splitlines()[0].split("\t")[1:] == cells and len(raw.splitlines()) == 1 + 12
    name, raw = saved(page, saves.get_by_role("button", name="SVG"))
    assert name.endswith(".svg") and raw.startswith(b"<svg") and raw.count(b"<title>") >= 12
    page = tab.open(f"/q/{answer}/sigs?row=TOY001_A375_24H:BRD-K000:0")
    plots = page.locator(".detail figure")
    assert plots.count() == 3, "enrichment, null signatures, background questions"
    for at in range(3):
        name, raw = saved(page, plots.nth(at).get_by_role("button", name="SVG"))
        assert name.endswith(".svg") and raw.startswith(b"<svg") and b"var(" not in raw
        name, raw = saved(page, plots.nth(at).get_by_role("button", name="PNG"))
        assert name.endswith(".png") and raw[:8] == PNG
    page = tab.open(f"/q/{answer}/scatter")
    saves = page.get_by_role("group", name="Download this plot")
    name, raw = saved(page, saves.get_by_role("button", name="SVG"))
    assert name == "planted_scatter_es_up_es_down.svg" and b"data:image/png;base64" in raw
    assert b"ES up" in raw and b"compound" in raw, "axes and legend are in it"
    name, raw = saved(page, saves.get_by_role("button", name="PNG"))
    assert name.endswith(".png") and raw[:8] == PNG


def test_many_rows_are_written_by_the_server_as_they_are_shown(tab, answer):
    tab.page.add_init_script("window.mostRows = 10;")
    page = tab.open(f"/q/{answer}/sigs?f=ncs>0&sort=-tas&cols=pert_iname,ncs,tas,sig_id")
    head, rows = shown(page)
    assert head == ["Name", "NCS", "TAS", "Signature"]
    total = int(page.inner_text(".counts").split()[0])
    assert total > 10
    name, text = download(page, "TSV")
    lines = text.splitlines()
    comments = [line for line in lines if line.startswith("#")]
    assert "# sorted by -tas" in comments and "# filter: ncs>0" in comments and name.endswith("by-tas.tsv")
    assert lines[len(comments)] == "pert_iname\tncs\ttas\tsig_id"
    assert [line.split("\t")[3] for line in lines[len(comments) + 1 :]][: len(rows)] == [row[3] for row in rows]
    name, text = download(page, "GCT")
    lines = text.splitlines()
    assert lines[:3] == ["#1.3", f"{total}\t2\t1\t0", "id\tpert_iname\tncs\ttas"] and len(lines) == total + 3
    assert [line.split("\t")[0] for line in lines[3:]][: len(rows)] == [row[3] for row in rows]
    page = tab.open("/lookup?list=sigs&f=cell_id:A375")
    name, text = download(page, "GCT")
    assert text.splitlines()[1].startswith("60\t") and len(text.splitlines()) == 63
    name, text = download(page, "TSV")
    assert "# tas: transcriptional" in text and sum(not line.startswith("#") for line in text.splitlines()) == 61


def test_a_file_that_the_server_refuses_says_why(tab, answer):
    tab.expected = ("Failed to load resource",)
    tab.page.add_init_script("window.mostRows = 10;")
    words = {"words": "the scores are not kept any more", "code": "gone", "field": None}
    tab.page.route("**/api/queries/*/export?**", lambda route: route.fulfill(status=410, json=words))
    page = tab.open(f"/q/{answer}/sigs")
    page.locator(".table .saves").first.get_by_role("button", name="TSV").click()
    expect(page.locator(".table [role=alert]")).to_contain_text("the scores are not kept any more")


def test_the_page_and_the_server_write_the_same_file(make_tab, answer):
    for path in (f"/q/{answer}/sigs?f=ncs>0&sort=-tas", f"/q/{answer}/perts", "/lookup?list=perts"):
        files = []
        for script in ("", "window.mostRows = 1;"):
            tab = make_tab()
            tab.page.add_init_script(script)
            page = tab.open(path)
            expect(page.get_by_role("grid")).to_be_visible()
            lines = download(page, "TSV")[1].splitlines()
            files.append((download(page, "GCT")[1], [line for line in lines if not line.startswith("#")]))
        assert files[0] == files[1] and len(files[0][1]) > 5, path


def test_the_whole_answer_is_downloaded(tab, answer):
    page = tab.open(f"/q/{answer}")
    page.get_by_text("Download", exact=True).first.click()
    for link, start in (
        ("One page (HTML), to send", b"<!doctype"),
        ("Everything (zip)", b"PK"),
        ("Sets as scored (GMT)", b"planted"),
    ):
        with page.expect_download() as caught:
            page.get_by_role("link", name=link).click()
        assert Path(caught.value.path()).read_bytes()[:9].lower().startswith(start.lower()), link


def test_keys_move_in_a_table_and_open_a_row(tab, answer):
    page = tab.open(f"/q/{answer}/sigs")
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-rowcount") == "241"
    grid.focus()
    tab.press("ArrowDown", "ArrowDown", "ArrowRight")
    assert grid.get_attribute("aria-activedescendant").endswith("-2-1")
    tab.press("Enter")
    assert "row=" in page.url and page.locator(".detail").is_visible() and page.locator(".item.open").count() == 1
    tab.press("Control+End")
    assert page.locator("[aria-rowindex='241']").is_visible(), "the last row"
    assert page.locator("[role=grid] [role=row]").count() < 60, "few rows are drawn"


def test_chips_say_and_clear_what_filters(tab, answer):
    page = tab.open(f"/q/{answer}/sigs")
    facet(page, "Cell", "A375")
    facet(page, "Cell", "HT29")
    facet(page, "Type", "trt_sh")
    tab.settle()
    chips = page.locator(".chips").inner_text()
    assert "Cell is A375 or HT29" in chips and " and " in chips and "Type is" in chips
    page.locator(".chip").first.click()
    tab.settle()
    assert "cell_id" not in page.url and page.locator(".chip").count() == 1
    page.get_by_role("button", name="Clear all").click()
    tab.settle()
    assert page.locator(".chip").count() == 0 and page.inner_text(".counts").startswith("240")


def test_every_column_says_what_it_means(tab, answer):
    views = "/q/{id}/perts /q/{id}/classes /q/{id}/genes /q/{id}/sigs /lookup?list=perts /lookup?list=genes " \
        "/lookup?list=classes /lookup?list=cells /pert/drug-0 /gene/CDK1 /cell/A375 " \
        "/sig/TOY001_A375_24H:BRD-K000:0 /repurposing?q={id}"  # fmt: skip
    for path in views.format(id=answer).split():
        page = tab.open(path)
        cells = page.locator("[role=columnheader]").all()
        ids = [cell.locator("button").get_attribute("aria-describedby") for cell in cells]
        silent = [cell.inner_text() for cell, key in zip(cells, ids, strict=True)
                  if not key or not page.locator(f"[id='{key}']").text_content()]  # fmt: skip
        assert cells and not silent, (path, silent)


def test_a_title_is_explained_on_hover_and_to_the_keyboard(tab, answer):
    page = tab.open(f"/q/{answer}/sigs")
    title, tip = page.locator("[role=columnheader]", has_text="TAS"), page.get_by_role("tooltip")
    title.hover()
    expect(tip).to_contain_text("transcriptional activity score")
    page.mouse.move(5, 5)
    expect(tip).to_have_count(0)
    title.locator("button").focus()
    expect(tip).to_contain_text("transcriptional activity score")
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    page = tab.open(f"/q/{answer}")
    page.locator("table.strips .asks", has_text="For / against").first.focus()
    expect(tip).to_contain_text("above 0 and below 0")


def test_escape_closes_the_words_of_a_title_as_soon_as_they_are_there(tab, answer):
    page = tab.open(f"/q/{answer}/sigs")
    page.locator("[role=columnheader]", has_text="TAS").locator("button").evaluate(
        """async (button) => {
          button.focus();
          while (!document.querySelector("[role=tooltip]")) await Promise.resolve();  // drawn, but not painted yet
          button.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
        }"""
    )
    expect(page.get_by_role("tooltip")).to_have_count(0)


def test_any_column_filters_and_any_is_shown(tab, answer):
    page = tab.open(f"/q/{answer}/perts")
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Column", exact=True).select_option("n_signatures")
    page.get_by_label("Value").fill("10")
    page.get_by_role("button", name="Add").click()
    tab.settle()
    assert "n_signatures" in page.url and "Signatures at least 10" in page.inner_text(".chips")
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("Mechanism moa").check()
    page.get_by_label("tau", exact=True).uncheck()
    tab.press("Escape")
    head, rows = shown(page)
    assert "Mechanism" in head and "tau" not in head and "planted inhibitor" in rows[0]
    _, text = download(page, "TSV")
    assert "moa" in next(line for line in text.splitlines() if not line.startswith("#")).split("\t")
    page = tab.open("/pert/drug-0")
    page.locator("summary", has_text="Filter").last.click()
    form = page.locator("details[open] form")
    form.get_by_label("Column").select_option("cell_id")
    form.get_by_label("Value").fill("a37")
    form.get_by_role("button", name="Add").click()
    tab.settle()
    assert "Cell holds a37" in page.inner_text(".chips")


def test_a_row_far_down_opens_and_rows_of_one_name_stay_apart(tab, answer):
    page = tab.open(f"/q/{answer}/sigs")
    page.get_by_role("grid").focus()
    tab.press("Control+End")
    tab.press("Enter")
    last = page.locator(".item.open").inner_text().split("\n")[-1]
    assert last in page.locator(".detail h3").inner_text()
    page.reload()
    tab.settle()
    assert last in page.locator(".detail h3").inner_text(), "reloaded, though the row is not among the first"
    page.keyboard.press("Tab")
    page.locator(".detail .close").focus()
    tab.press("Escape")
    assert page.locator(".detail").count() == 0 and "row=" not in page.url


def test_a_lasso_fills_the_table(tab, answer):
    page = tab.open(f"/q/{answer}/scatter?x=ncs&y=tas")
    page.get_by_role("button", name="Lasso").click()
    tab.settle()
    box = page.locator(".plane canvas").bounding_box()
    corners = [(0.55, 0.02), (0.99, 0.02), (0.99, 0.98), (0.55, 0.98)]
    page.mouse.move(box["x"] + corners[0][0] * box["width"], box["y"] + corners[0][1] * box["height"])
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
    page.mouse.up()
    tab.settle()
    head, rows = shown(page)
    values = [float(row[head.index("NCS")].replace("−", "-")) for row in rows]
    assert len(rows) > 5 and min(values) > 0 and values == sorted(values, reverse=True)


def test_sets_of_a_signature_are_its_ends_and_no_gene_is_in_both(tab):
    page = tab.open("/sig/TOY001_A375_24H:BRD-K000:0")
    table = page.locator(".table").first
    table.get_by_label("Find").fill("CD")
    tab.settle()
    with page.expect_download() as caught:
        table.get_by_role("button", name="GMT").click()
    text = Path(caught.value.path()).read_text(encoding="utf-8")
    up, down = (set(line.split("\t")[2:]) for line in text.splitlines())
    assert up and down and not up & down and all("CD" in gene for gene in up | down)
    assert text.startswith("TOY001_A375_24H:BRD-K000:0_UP\t")


def test_menus_of_a_table_on_a_phone(make_tab, answer):
    tab = make_tab(has_touch=True, is_mobile=True)
    tab.page.set_viewport_size({"width": 400, "height": 800})
    page = tab.open(f"/q/{answer}/sigs")
    for name in ("Filter", "Columns"):
        page.locator("summary", has_text=name).click()
        tab.settle()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, name
        box = page.locator("details[open] > :not(summary)").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 400, name
        page.get_by_role("heading", level=1).click()
        tab.settle()
        assert page.locator("details.menu[open]").count() == 0, "a click elsewhere closes it"
