"""Own plates in the browser: from the wells of a plate to the beads of a gene."""

import pytest

from ..test_app import serving
from ..test_plates import run  # noqa: F401 (a fixture)
from .conftest import Tab

pytestmark = pytest.mark.slow


def test_from_a_plate_to_its_beads(browser, rich_index, run):  # noqa: F811
    from beadwork.api.figures.wells import RunPlates

    folder, plate = run
    plates = RunPlates.open(folder / "results", folder / "plates.tsv")
    with serving(rich_index, results=plates) as site:
        tab = Tab(browser, site)
        page = tab.open(f"/plate/{plate}")
        assert page.locator("table.plate td.has").count() == 24
        page.locator("table.plate td.has a").nth(3).click()
        tab.until("/QC figures/.test(document.querySelector('#main').innerText)")
        tab.settle()
        page.get_by_label("Genes or analytes").fill("CDK1 TP53")
        page.get_by_role("button", name="Show").click()
        tab.settle()
        text = page.inner_text("#main")
        assert "CDK1" in text and "beads" in text and page.locator("svg.histogram rect").count() > 10
        assert "analyte=CDK1" in page.url and "undefined" not in text and "NaN" not in text
        assert page.locator("[role=alert]").count() == 0 and tab.axe() == []
        page.get_by_label("Colour").select_option("count_mean")
        tab.settle()
        assert page.locator("td[class*=tone]").count() == 24 and "colour=count_mean" in page.url
        assert "from " in page.inner_text(".tools >> nth=0") and tab.axe() == []
        figure = page.locator("figure").first
        with page.expect_download() as caught:
            figure.get_by_role("button", name="SVG").click()
        assert "analyte-" in caught.value.suggested_filename
        page.get_by_role("link", name="All plates").click()
        tab.settle()
        assert page.inner_text("h1") == "Own plates" and page.get_by_role("link", name=plate).count() == 1
        assert tab.axe() == []
        page.goto(f"{site}/lookup")
        tab.settle()
        page.get_by_role("link", name="Own plates").click()
        page.get_by_role("link", name=plate).click()
        tab.settle()
        assert page.locator("table.plate td.has").count() == 24
        tab.check()
        tab.context.close()
