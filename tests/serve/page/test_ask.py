"""Asking: genes checked while typing, files, names, what goes wrong, progress and cancel."""

import re
import threading

import pytest

from ..test_app import serving

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

pytestmark = pytest.mark.slow


def facet(page, label, value):
    page.locator("label", has_text=re.compile(f"^{label}")).locator("select").select_option(value)


def answered(page):
    page.wait_for_url("**/q/**")
    page.wait_for_selector(".sure")


def test_genes_are_checked_while_typing(tab, genes):
    page = tab.open("/")
    page.get_by_label("Up genes").fill("PSME1 FOO <b>x</b> TTC39D")
    tab.until("document.querySelector('#up-verdict').innerText.includes('not known')")
    said = page.inner_text("#up-verdict")
    assert "1 gene used" in said and "FOO" in said and "<b>x</b>" in said
    assert page.locator("#up-verdict b").count() >= 1 and page.locator("#up-verdict b b").count() == 0


@pytest.mark.parametrize(
    "text",
    ['["PSME1", "CDK1"]', "c('PSME1', 'CDK1')", "\u201cPSME1\u201d;`CDK1`", "(PSME1)\u200bCDK1.", "PSME1: {CDK1}"],
)
def test_lists_of_programs_are_taken_bare(tab, text):
    page = tab.open("/")
    page.get_by_label("Up genes").fill(text)
    expect(page.locator("#up-verdict")).to_contain_text("2 genes used")
    expect(page.locator("#up-verdict")).not_to_contain_text("not known")


def test_what_a_name_is_and_what_it_may_mean(tab):
    page = tab.open("/")
    page.get_by_label("Up genes").fill("1-Mar TP53|PSME1 Trp53")
    said = page.locator("#up-verdict li")
    expect(said).to_have_count(3)
    expect(said.nth(0)).to_have_text(
        "1-Mar: a date, as spreadsheets make of a symbol; did you mean MARCHF1, MTARC1, RTL1?"
    )
    expect(said.nth(1)).to_have_text("TP53|PSME1: several genes in one cell; did you mean TP53, PSME1?")
    expect(said.nth(2)).to_have_text("Trp53: symbol of a mouse gene; did you mean TP53?")
    said.nth(2).get_by_role("button").click()
    expect(page.get_by_label("Up genes")).to_have_value("1-Mar TP53|PSME1 TP53")


def test_lists_are_read_as_the_commands_read_them(tab, tmp_path):
    tab.expected = ("Failed to load resource",)
    page = tab.open("/")
    for name, text in (("up_genes.txt", '"Gene"\n"PSME1"\n"CDK1"\n'), ("down_genes.csv", "symbol\nTP53\nEGFR\n")):
        (tmp_path / name).write_text(text)
    page.set_input_files("input[type=file]", [tmp_path / "down_genes.csv", tmp_path / "up_genes.txt"])
    expect(page.get_by_label("Down genes")).to_have_value("TP53 EGFR")
    expect(page.get_by_label("Up genes")).to_have_value("PSME1 CDK1")
    expect(page.get_by_text("up_genes.txt: its first line, 'Gene', is taken for a header")).to_be_visible()
    for name, content, words in (("a.docx", b"PK\x03\x04" + bytes(60), "is not a text file"),
                                 ("a.html", b"<!doctype html><html></html>", "is a web page")):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        page.set_input_files("input[type=file]", tmp_path / name)
        expect(page.locator(".several [role=alert] li")).to_contain_text(f"{name}: {words}")
        expect(page.get_by_label("Up genes")).to_have_value("PSME1 CDK1")
    (tmp_path / "down_syndrome.txt").write_text("DYRK1A\nAPP\n")
    page.set_input_files("input[type=file]", tmp_path / "down_syndrome.txt")
    expect(page.get_by_label("Up genes")).to_have_value("DYRK1A APP")


def test_a_question_is_answered_and_its_address_is_its_state(tab, genes):
    page = tab.open("/")
    page.get_by_label("Up genes").fill(" ".join(genes[0]))
    page.get_by_label("Down genes").fill(", ".join(genes[1]))
    page.get_by_label("Name", exact=True).fill("<b>planted</b>")
    page.get_by_role("button", name="Find connections").click()
    answered(page)
    tab.settle()
    text = page.inner_text("#main")
    assert "<b>planted</b>" in text and "30 genes up, 30 genes down" in text and "How sure: " in text
    best = page.locator("table.strips").first.locator("tbody tr").all_inner_texts()
    assert {row.split("\t")[0] for row in best[:5]} == {f"drug-{number}" for number in range(5)}
    address = page.url
    page.get_by_label("Views of this answer").get_by_role("link", name="Signatures").click()
    tab.settle()
    facet(page, "Cell", "MCF7")
    page.get_by_role("button", name="TAS").click()
    tab.settle()
    assert "f=cell_id%3AMCF7" in page.url and "sort=-tas" in page.url
    rows = page.locator("[role=grid] .item").all_inner_texts()
    page.reload()
    tab.settle()
    assert page.locator("[role=grid] .item").all_inner_texts() == rows, "reload shows the same"
    page.go_back()
    tab.settle()
    assert page.url == address and "Resembles" in page.inner_text("#main"), "filters are no steps of the history"
    page.get_by_role("link", name="Change the question").click()
    tab.settle()
    assert page.get_by_label("Up genes").input_value().split() == genes[0]


def test_an_example_can_be_clicked(tab):
    page = tab.open("/")
    page.get_by_role("button", name="cell cycle").click()
    assert "PLK1" in page.get_by_label("Up genes").input_value()
    page.keyboard.press("Control+Enter")
    answered(page)


def test_an_address_with_genes_is_a_question(tab, genes):
    tab.page.goto(f"{tab.site}/?up={','.join(genes[0])}&name=link")
    answered(tab.page)
    assert "link" in tab.page.inner_text("h1") and "without genes that go down" in tab.page.inner_text(".sure")


def test_nothing_and_too_little_are_refused_in_words(tab):
    tab.expected = ("Failed to load resource",)
    page = tab.open("/")
    page.get_by_role("button", name="Find connections").click()
    assert "there are no genes" in page.inner_text("[role=alert]")
    page.get_by_label("Up genes").fill("FOO BAR")
    page.get_by_role("button", name="Find connections").click()
    tab.until("/FOO|genes/.test(document.querySelector('[role=alert]')?.innerText)")
    tab.until("!document.querySelector('button.main').disabled")
    assert page.url.endswith("/") and page.get_by_role("button", name="Find connections").is_enabled()


def test_files(tab, genes, rich_index, tmp_path):
    page = tab.open("/")
    gmt = tmp_path / "sets.gmt"
    sets = {"a_UP": genes[0], "a_DN": genes[1], "b_UP": genes[0][:12]}
    gmt.write_text("".join("\t".join([name, "-", *some]) + "\n" for name, some in sets.items()))
    page.set_input_files("input[type=file]", gmt)
    page.get_by_role("button", name="Put a in the boxes").click()
    assert page.get_by_label("Down genes").input_value().split() == genes[1]
    table = tmp_path / "de.tsv"
    z = rich_index.signature(rich_index.siginfo["sig_id"].iloc[0])
    table.write_text("gene\tlogFC\tstat\n" + "".join(f"{gene}\t{v / 2:.3f}\t{v:.3f}\n" for gene, v in z.items()))
    page.set_input_files("input[type=file]", table)
    page.wait_for_selector(".preview button.main")
    said = page.inner_text(".preview")
    assert "978 of them in this index" in said and "stat" in said and page.locator(".preview th.chosen").count() >= 1
    page.locator(".preview button.main").click()
    answered(page)
    assert "a whole signature" in page.inner_text("h1") and "de" in page.inner_text("h1")
    tab.expected = ("Failed to load resource",)
    page = tab.open("/")
    bad = tmp_path / "bad.tsv"
    bad.write_text("a\tb\nx\ty\nz\tw\n")
    page.set_input_files("input[type=file]", bad)
    page.wait_for_selector(".preview [role=alert]")
    assert "bad.tsv" in page.inner_text(".preview [role=alert]")


def test_by_name_without_a_list(tab):
    page = tab.open("/")
    page.get_by_label("Drug, gene or mechanism").fill("drug-3")
    page.get_by_role("button", name="Ask with this perturbagen").first.click()
    answered(page)
    assert "like drug-3" in page.inner_text("h1")


def test_ask_with_a_card_and_for_its_opposite(tab):
    page = tab.open("/pert/drug-2")
    page.get_by_role("button", name="Ask for its opposite").click()
    answered(page)
    tab.settle()
    assert "opposite of drug-2" in page.inner_text("h1")
    assert "drug-2" in page.locator("table.strips").nth(1).inner_text(), "itself opposes"


def test_search_by_keys(tab):
    page = tab.open("/about")
    page.keyboard.press("/")
    page.keyboard.type("drug-1")
    page.wait_for_selector("#found [role=option]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pert/drug-1*")
    tab.settle()
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url("**/history")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")


def test_progress_and_cancel(browser, make_tab, rich_index, genes):
    from beadwork.api import ConnectivityIndex

    from .conftest import Tab

    index = ConnectivityIndex.open(rich_index.store.path)
    go, answer = threading.Event(), index.answer
    index.answer = lambda *args, **kwargs: (go.wait(20), answer(*args, **kwargs))[1]
    with serving(index) as site:
        tab = Tab(browser, site)
        tab.page.goto(f"{site}/?up={','.join(genes[0][:15])}")
        tab.page.wait_for_selector("progress")
        assert "Scoring" in tab.page.inner_text("#main")
        tab.page.get_by_role("button", name="Cancel").click()
        tab.until("location.pathname === '/'")
        go.set()
        tab.check()
        tab.context.close()


def test_history_notes_stars_and_compare(tab, ask, genes):
    first, second = ask(name="one", up=genes[0][:10]), ask(name="two", up=genes[0][10:])
    page = tab.open("/history")
    page.get_by_label("Note on one").fill("worth a look")
    page.get_by_label("Note on one").press("Enter")
    tab.settle()
    page.get_by_label("Star of one").click()
    tab.settle()
    page.get_by_label("only with a star").check()
    tab.settle()
    assert page.get_by_label("Note on one").input_value() == "worth a look"
    assert page.get_by_label("Note on two").count() == 0
    page.get_by_label("only with a star").uncheck()
    tab.settle()
    page.get_by_label("Compare one").check()
    page.get_by_label("Compare two").check()
    page.get_by_role("link", name="Compare 2").click()
    tab.settle()
    assert first in page.url and second in page.url and "How alike" in page.inner_text("#main")
