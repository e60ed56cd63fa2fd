"""Every view and state of the page: it says what it should, nothing goes wrong, axe finds nothing serious."""

import contextlib
import re

import pytest

from .conftest import COLOURS, Tab

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

SIG = "TOY001_A375_24H:BRD-K000:0"
VIEWS = {
    "ask": ("/", "Ask"),
    "ask, genes in the boxes": ("/?up=CDK1,FOO,HER2&down=TP53&edit=1", r"1 not known"),
    "overview": ("/q/{id}", "Resembles"),
    "perturbagens": ("/q/{id}/perts", "drug-0"),
    "perturbagens, one type": ("/q/{id}/perts?kind=loss", "CDK1"),
    "perturbagens, a row open": ("/q/{id}/perts?row=drug-1", "Cell by cell"),
    "perturbagens, filtered to nothing": ("/q/{id}/perts?find=nosuch", "No row passes the filters"),
    "mechanisms": ("/q/{id}/classes", "planted inhibitor"),
    "mechanisms, a row open": ("/q/{id}/classes?row=planted+inhibitor", "best connected first"),
    "genes behind": ("/q/{id}/genes", "CDK1"),
    "heat map": ("/q/{id}/heat", "Click a field"),
    "heat map, doses, clusters": ("/q/{id}/heat?by=pert_idose&rows=cluster", "Click a field"),
    "scatter": ("/q/{id}/scatter", "ES down"),
    "scatter, coloured by a number": ("/q/{id}/scatter?x=ncs&y=tas&colour=tas", "TAS"),
    "signatures": ("/q/{id}/sigs", "TOY001"),
    "signatures, filtered": ("/q/{id}/sigs?f=cell_id:A375|MCF7&f=ncs>0.5&sort=-tas", "Cell is A375 or MCF7"),
    "signatures, a row open": ("/q/{id}/sigs?row={sig}", "most raised gene"),
    "look up": ("/lookup", "Type a name"),
    "look up, found": ("/lookup?find=drug", "drug-0"),
    "look up, nothing": ("/lookup?find=nosuch", "Nothing in this index is called"),
    "list of perturbagens": ("/lookup?list=perts", "drug-0"),
    "list of genes": ("/lookup?list=genes", "measured"),
    "list of mechanisms": ("/lookup?list=classes", "planted inhibitor"),
    "list of cells": ("/lookup?list=cells", "A375"),
    "list of signatures": ("/lookup?list=sigs", "TOY001"),
    "compound": ("/pert/drug-0", "Dose by cell"),
    "compound, in an answer": ("/pert/drug-0?q={id}", "Cell by cell"),
    "loss of a gene": ("/pert/CDK1", "Dose by cell"),
    "gene": ("/gene/CDK1", "What moves it most"),
    "cell": ("/cell/A375", "What was tried"),
    "mechanism": ("/class/planted inhibitor", "Members"),
    "signature": ("/sig/{sig}", "Nearest signatures"),
    "signature, for a question": ("/sig/{sig}?q={id}", "Enrichment for this question"),
    "map": ("/map", "Distance on the map is not a score"),
    "map, searched, coloured by score": ("/map?q={id}&colour=ncs&find=drug-1", "16 marked"),
    "disease library": ("/library", "No library has been asked yet"),
    "own plates": ("/plate", "was opened without the plates"),
    "genes behind, a row open": ("/q/{id}/genes?row=CDK1", "Loss of the gene"),
    "heat map, one type, rows by a column": ("/q/{id}/heat?kind=compound&col=MCF7", "rows by MCF7"),
    "perturbagens, other columns": ("/q/{id}/perts?cols=pert_iname,moa,ncs", "planted inhibitor"),
    "plate": ("/plate/TOY001_A375_24H_X1_B20/A01", "was opened without the plates"),
    "repurposing": ("/repurposing", "Choose a question above"),
    "repurposing, of an answer": ("/repurposing?q={id}&direction=mimic&cells=1", "What is against it"),
    "compare, nothing chosen": ("/compare", "Choose two to ten answers"),
    "compare": ("/compare?q={id},{other}", "Rows that differ most"),
    "history": ("/history", "Delete all without a star"),
    "about": ("/about", "Scores in words"),
}
WIDTHS = (1920, 1280, 768, 400)
EXPECTED = ("Failed to load resource",)


@pytest.fixture(scope="module")
def other(ask, genes):
    return ask(name="other", up=genes[0][:12])


@pytest.fixture(scope="module")
def phone(browser, site):
    size = {"width": 400, "height": 800}
    with contextlib.closing(Tab(browser, site, has_touch=True, is_mobile=True, size=size)) as found:
        yield found


@pytest.fixture
def path_of(answer, other):
    return lambda path: path.format(id=answer, other=other, sig=SIG)


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_view(look, path_of, view):
    path, words = VIEWS[view]
    page = look.open(path_of(path))
    look.until("words => new RegExp(words).test(document.querySelector('#main').innerText)", words)
    text = page.inner_text("#main")
    assert page.locator("h1").count() == 1 and page.title().endswith("beadwork")
    assert "undefined" not in text and "NaN" not in text and "[object" not in text
    assert page.locator("[role=alert]").count() == 0, text[:500]
    assert not re.search(r"\d\s*u[Mm]\b", text), "one letter for micro"
    assert not [
        name for name in page.locator("dl dt").all_inner_texts() if "_" in name.split("\u00a0")[0] and path != "/about"
    ]
    assert look.axe() == []
    page.emulate_media(color_scheme="dark")
    look.settle()
    assert look.axe(COLOURS) == [], "in the dark"
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        look.settle()
        assert look.spills() == [], width


@pytest.mark.slow
@pytest.mark.parametrize("view", ["ask", "overview", "perturbagens, a row open", "signatures", "heat map", "scatter",
                                  "compound", "signature", "compare", "history"])  # fmt: skip
def test_view_on_a_phone(phone, path_of, view):
    phone.begin()
    page = phone.open(path_of(VIEWS[view][0]))
    assert page.evaluate("document.documentElement.scrollWidth") <= 400, "nothing sticks out"
    menu = page.get_by_role("button", name="Menu")
    menu.click()
    phone.settle()
    assert page.get_by_role("link", name="History").first.is_visible()
    assert phone.axe() == []
    phone.check()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/q/nosuch", "This answer is not kept here"),
        ("/pert/nosuch", "Not found"),
        ("/sig/nosuch", "Not found"),
        ("/compare?q=a,b", "Not found"),
        ("/q/{id}/sigs?sort=nosuch", "no column 'nosuch'"),
        ("/q/{id}/sigs?f=nosuch:1", "these rows have no nosuch"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_said(look, path_of, path, words):
    look.expected = EXPECTED
    page = look.open(path_of(path))
    assert words in page.inner_text("[role=alert]")
    assert look.axe() == []


@pytest.mark.slow
def test_a_server_that_is_not_there_is_said_and_no_stale_answer_stays(tab, answer):
    tab.expected = ("Failed to load resource", "ERR_CONNECTION")
    page = tab.open(f"/q/{answer}/sigs")
    page.context.route("**/api/**", lambda route: route.abort("connectionrefused"))
    page.get_by_label("Find").fill("drug")
    page.wait_for_selector("[role=alert]")
    tab.settle()
    assert "the server does not answer" in page.inner_text("[role=alert]")
    assert page.locator("[role=grid]").count() == 0, "the rows from before are not shown"


@pytest.mark.slow
def test_print_shows_the_answer_without_controls(tab, answer):
    page = tab.open(f"/q/{answer}")
    page.emulate_media(media="print")
    expect(page.locator(".sure")).to_be_visible()
    expect(page.locator(".stripplot").first).to_be_visible()
    expect(page.locator("header.top")).to_be_hidden()
    expect(page.locator("nav.tabs")).to_be_hidden()


@pytest.mark.slow
def test_a_printed_table_says_which_of_its_rows_it_holds(tab, answer):
    page = tab.open(f"/q/{answer}/sigs")
    rows, words = page.locator("[role=grid] .item"), page.locator(".grid .printed")
    expect(words).to_be_hidden()
    page.emulate_media(media="print")
    expect(words).to_have_text("Rows 1 to 200 of 240 are printed; the downloads (TSV, GCT) hold all.")
    expect(rows).to_have_count(200)
    first, last = (rows.nth(at).bounding_box() for at in (0, 199))
    assert last["y"] - first["y"] >= 199 * 20, "they stand one below the other"
    page.set_viewport_size({"width": 760, "height": 900})  # a page of A4
    tab.until("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(media="screen")
    expect(rows).not_to_have_count(200)
    page = tab.open(f"/q/{answer}/perts")
    page.emulate_media(media="print")
    expect(words).to_have_text("12 rows, all printed.")
    expect(rows).to_have_count(12)
