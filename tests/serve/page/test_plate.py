"""Own plates in the browser: from the wells of a plate to the beads of a gene."""

import json

import pytest

from ..test_app import serving
from ..test_plates import run  # noqa: F401 (a fixture)
from .conftest import Tab

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
pytestmark = pytest.mark.slow
ODD, UNKNOWN = "B03", "C05"


def odd_plate(plate):
    """Wells whose figures lie close together but for one that failed; of one nothing is known."""
    wells = []
    for number in range(36):
        well = f"{'ABC'[number // 12]}{number % 12 + 1:02}"
        fields = {"well": well, "det_plate": plate, "pert_iname": "DMSO" if number % 12 == 0 else "drug",
                  "pert_type": "ctl_vehicle" if number % 12 == 0 else "trt_cp", "cell_id": "A375",
                  "pert_dose": [0.0412, 0.041, 10][number % 3], "pert_dose_unit": "uM",
                  "count_mean": 5000.0 if well == ODD else 50 + number / 10}  # fmt: skip
        wells.append({name: value for name, value in fields.items() if well != UNKNOWN or name != "count_mean"})
    return {"plate": plate, "wells": wells}


def test_one_failed_well_does_not_hide_the_others(browser, rich_index, run):  # noqa: F811
    from beadwork.api.figures.wells import RunPlates

    folder, plate = run
    with serving(rich_index, results=RunPlates.open(folder / "results", folder / "plates.tsv")) as site:
        tab = Tab(browser, site)
        body = json.dumps(odd_plate(plate))
        tab.page.route(f"**/api/plates/{plate}/wells", lambda route: route.fulfill(json=json.loads(body)))
        page = tab.open(f"/plate/{plate}?colour=count_mean")
        cell = page.locator("table.plate td.has")
        expect(cell).to_have_count(36)
        tones = cell.evaluate_all("all => all.map((one) => parseFloat(one.style.getPropertyValue('--tone')))")
        usual = [tone for at, tone in enumerate(tones) if at not in (14, 28)]
        assert max(usual) - min(usual) > 55 and len({round(tone) for tone in usual}) > 20, "they differ by colour"
        text = page.inner_text("#main")
        assert f"1 well above it: {ODD} (5,000)" in text and f"1 well without a value: {UNKNOWN}" in text
        words = f"{ODD}: drug, 10 µM, Beads, mean 5,000, above the colour scale"
        expect(page.locator("td.beyond a")).to_have_attribute("title", words)
        words = f"{UNKNOWN}: drug, 0.041 µM, Beads, mean not known"
        expect(page.locator("td.missing a")).to_have_attribute("title", words)
        titles = cell.locator("a").evaluate_all("all => all.map((one) => one.title)")
        assert "0.0412 µM" in titles[3] and "0.041 µM" in titles[4], "two doses are not one"
        assert tab.spills() == [] and tab.axe() == []
        page.emulate_media(color_scheme="dark")
        tab.settle()
        assert tab.axe() == [], "in the dark"
        tab.check()
        tab.context.close()


def test_the_report_of_the_run_is_linked(browser, rich_index, run):  # noqa: F811
    from beadwork.api.figures.wells import RunPlates

    folder, plate = run
    results = folder / "results"
    for name, text in {
        "report/index.html": '<!doctype html><link rel="stylesheet" href="assets/page.css"><h1>Whole</h1>',
        "report/assets/page.css": "h1 { color: rgb(1, 2, 3) }",
        f"report/plates/{plate}.html": "<!doctype html><h1>One plate</h1>",
        "report/queries/own sets/connections.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "queries/own sets/one/index.html": "<!doctype html><h1>A query</h1>",
    }.items():
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(text)
    with serving(rich_index, results=RunPlates.open(results, folder / "plates.tsv")) as site:
        tab = Tab(browser, site)
        page = tab.open("/plate")
        for words, title in (("Whole report", "Whole"), ("one", "A query")):
            with page.context.expect_page() as opened:
                page.get_by_role("link", name=words, exact=True).click()
            expect(opened.value.locator("h1")).to_have_text(title)
            if title == "Whole":
                expect(opened.value.locator("h1")).to_have_css("color", "rgb(1, 2, 3)")
            opened.value.close()
        picture = page.get_by_role("link", name="connections as a picture")
        assert picture.get_attribute("href") == "/results/report/queries/own%20sets/connections.svg"
        page = tab.open(f"/plate/{plate}")
        link = page.get_by_role("link", name="Report of this plate")
        expect(link).to_have_attribute("href", f"/results/report/plates/{plate}.html")
        page = tab.open("/about")
        expect(page.get_by_role("link", name="Whole report")).to_be_visible()
        tab.check()
        tab.context.close()


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
        expect(page.locator("td.toned")).to_have_count(24)
        assert "colour=count_mean" in page.url
        expect(page.locator(".scale")).to_contain_text("Beads, mean")
        tab.settle()
        assert tab.axe() == [] and tab.spills() == []
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
