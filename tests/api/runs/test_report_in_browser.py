"""Pages of a report, and of an answer, in a real browser: no critical or serious fault of accessibility, no error."""

import pandas as pd
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.api.runs.report import write_report
from beadwork.io.files.tables import write_table
from toys import call

from ...serve.page.conftest import AXE
from ..index.conftest import *  # noqa: F403
from .test_report import make_results, sheet

OPTIONS = {"preload": False, "resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A study of which one plate failed and one is unlike the others."""
    folder = tmp_path_factory.mktemp("study")
    names = make_results(folder, n_plates=6)
    failed = {"plate": "LAB9999_A375_24H_X1_B20", "stage": "deconvolve", "message": "0 usable wells", "log": "x.log",
              "attempt": "1"}  # fmt: skip
    write_table(pd.DataFrame([failed]), folder / "failed.tsv")
    write_report(folder, folder / "report", sheet(names), title="Spring study")
    return folder / "report"


@pytest.fixture(scope="module")
def answer(toy_index, tmp_path_factory):
    """The page of an answer that a report links."""
    folder = tmp_path_factory.mktemp("answer")
    genes = ConnectivityIndex.open(toy_index).genes["gene_id"].tolist()
    (folder / "up.gmt").write_text("\t".join(["planted", "na", *genes[:30]]) + "\n")
    assert call("query", toy_index, "--up", folder / "up.gmt", "-o", folder / "out") == 0
    return folder / "out"


def faults(tab):
    """Critical and serious faults, in words."""
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    found = tab.evaluate("(options) => axe.run(document, options)", OPTIONS)["violations"]
    return [
        f"{item['id']}: {node['target']} {node['failureSummary'][:300]}"
        for item in found
        if item["impact"] in ("critical", "serious")
        for node in item["nodes"][:3]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_pages_have_no_serious_fault(browser, report, answer, theme, width):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (npm ci --prefix web)")
    pages = [report / "index.html", *sorted((report / "plates").glob("*.html"))[-1:], *sorted(answer.rglob("*.html"))]
    assert len(pages) >= 3, pages
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    tab = context.new_page()
    wrong = []
    tab.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    for path in pages:
        tab.goto(path.as_uri())
        assert tab.title() and tab.locator("h1").count() == 1, path
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than {width}"
        if path.parent.name == "plates":  # names of metrics are long: their tables scroll by themselves
            assert tab.locator("main table").count() == tab.locator("main .scroll table").count() > 0, path
        assert faults(tab) == [], path
        tab.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true; })")
        assert faults(tab) == [], f"{path}, all opened"
    assert not wrong, wrong
    context.close()


@pytest.mark.slow
def test_a_fault_is_noticed(browser, tmp_path):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (npm ci --prefix web)")
    (tmp_path / "bad.html").write_text("<!doctype html><html><title>x</title><body><img src='data:,'><button></button>")
    tab = browser.new_page()
    tab.goto((tmp_path / "bad.html").as_uri())
    assert {item.partition(":")[0] for item in faults(tab)} >= {"button-name", "image-alt"}
    tab.close()
