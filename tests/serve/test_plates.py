"""Own plates: wells, QC, beads with called values; the reason where they are not known."""

import numpy as np
import pytest

from beadwork.cli import main

from .conftest import client_of

fastapi = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Results of one small plate, and its sheet."""
    folder = tmp_path_factory.mktemp("run")
    main(
        ["simulate", "-o", str(folder / "data"), "--plates", "1", "--wells", "24", "--beads-mean", "30", "--seed", "3"]
    )
    sheet = next((folder / "data").glob("*.tsv"))
    from beadwork.model.plates.sheet import parse_plate_sheet

    (row, *_) = parse_plate_sheet(sheet.read_text(), str(sheet), files=False)
    lxb = next(
        path for path in (row.lxb, folder / "data" / row.lxb, folder / "data" / row.lxb) if path and _there(path)
    )
    out = folder / "results" / row.det_plate
    out.mkdir(parents=True)
    gex, cal, qc = out / f"{row.det_plate}_GEX.gctx", out / "CAL.gctx", out / "qc" / "deconvolve.tsv"
    plate_map = row.map if _there(row.map) else folder / "data" / row.map
    main(["deconvolve", str(lxb), "--map", str(plate_map), "-o", str(gex), "--calibrators", str(cal), "--qc", str(qc),
          "--plate", row.det_plate])  # fmt: skip
    (folder / "plates.tsv").write_text(f"det_plate\tlxb\tmap\n{row.det_plate}\t{lxb}\t{row.map}\n")
    return folder, row.det_plate


def _there(path):
    from pathlib import Path

    return Path(path).exists()


@pytest.fixture(scope="module")
def site(run, open_index):
    from beadwork.api.figures.wells import RunPlates
    from beadwork.serve.app import create_app

    plates = RunPlates.open(run[0] / "results", run[0] / "plates.tsv")
    with fastapi.TestClient(
        create_app(open_index, hosts=["127.0.0.1"], results=plates), base_url="http://127.0.0.1"
    ) as found:
        yield found


def test_only_files_of_the_report_are_shown(site, run):
    results = run[0] / "results"
    assert site.get("/api/runs/report").json() == {"report": None, "plates": {}, "queries": []}
    (results / "report").mkdir()
    (results / "queries" / "q" / "one").mkdir(parents=True)
    (run[0] / "secret.html").write_text("secret")
    try:
        (results / "report" / "index.html").write_text("<h1>report</h1>")
        (results / "report" / "notes.txt").write_text("no page")
        (results / "report" / "out.html").symlink_to(run[0] / "secret.html")
        (results / "queries" / "q" / "one" / "index.html").write_text("<h1>one</h1>")
        (results / "queries" / "q" / "up.tsv").write_text("no page")
        links = site.get("/api/runs/report").json()
        assert links["report"] == "report/index.html"
        assert links["queries"] == [{"name": "q", "plot": None, "pages": {"one": "queries/q/one/index.html"}}]
        page = site.get("/results/report/index.html")
        assert page.status_code == 200 and "script-src 'self'" in page.headers["Content-Security-Policy"]
        assert "sandbox" in site.get("/results/queries/q/one/index.html").headers["Content-Security-Policy"]
        for path in ("report/out.html", "report/notes.txt", "queries/q/up.tsv", "report/%2e%2e/%2e%2e/secret.html",
                     "report", f"{run[1]}/{run[1]}_GEX.gctx", "report/%00.html", "report//index.html",
                     "secret.html"):  # fmt: skip
            found = site.get(f"/results/{path}")
            assert found.status_code == 404 and "secret" not in found.text.replace("secret.html", ""), path
    finally:
        import shutil

        shutil.rmtree(results / "report")
        shutil.rmtree(results / "queries")


def test_a_run_without_plates_has_no_report(client):
    assert client.get("/results/report/index.html").status_code == 404
    assert client.get("/api/runs/report").json()["code"] == "no_plates"


def test_wells_and_their_qc(site, run):
    plate = run[1]
    assert site.get("/api/runs/plates").json() == {"plates": [plate]}
    wells = site.get(f"/api/plates/{plate}/wells").json()["wells"]
    assert len(wells) == 24 and wells[0]["det_plate"] == plate
    one = site.get(f"/api/plates/{plate}/wells/{wells[3]['well']}").json()
    assert one["count_mean"] == wells[3]["count_mean"] and {"metric", "value"} <= set(one["qc"][0])
    figures = {row["metric"]: row["value"] for row in one["qc"] if isinstance(row["value"], float)}
    assert {"ambiguous", "outlier_beads"} <= set(figures)  # every one can colour the plate
    assert all(wells[3][name] == pytest.approx(value) for name, value in figures.items())


def test_beads_with_the_values_called(site, run):
    plate = run[1]
    well = site.get(f"/api/plates/{plate}/wells").json()["wells"][5]["well"]
    found = site.get(f"/api/plates/{plate}/wells/{well}/beads").json()["panels"]
    assert 3 <= len(found) <= 6
    for panel in found:
        assert sum(panel["counts"]) == panel["beads"] > 0 and len(panel["edges"]) == 81 and len(panel["peaks"]) == 2
        low, high = np.array(panel["edges"])[np.flatnonzero(panel["counts"])[[0, -1]]]
        assert all(low - 1 <= peak["log2"] <= high + 1 for peak in panel["peaks"])
    (one,) = site.get(
        f"/api/plates/{plate}/wells/{well}/beads", params={"analyte": found[0]["peaks"][0]["symbol"]}
    ).json()["panels"]
    assert one["analyte"] == found[0]["analyte"] and one["counts"] == found[0]["counts"]


@pytest.mark.parametrize(
    ("path", "words"),
    [("NIX/wells", "the run has no plate 'NIX'"), ("{plate}/wells/Z99", "has no well 'Z99'"),
     ("{plate}/wells/Z99/beads", "well Z99"), ("..%2f..%2fetc/wells", "")],
)  # fmt: skip
def test_what_is_not_there(site, run, path, words):
    response = site.get(f"/api/plates/{path.replace('{plate}', run[1])}")
    assert response.status_code == 404 and words in response.json()["words"]


def test_without_a_run_the_reason_is_given(client):
    response = client.get("/api/plates/X/wells/A01/beads")
    assert response.status_code == 404 and "start with --results FOLDER of the run" in response.json()["words"]
    about = client.get("/api/about").json()
    assert about["index"]["signatures"] == 150 and not about["plates"]


def test_a_map_is_there_when_it_was_made(tmp_path, toy_files, client):
    from beadwork.api import ConnectivityIndex
    from beadwork.io.connectivity.index.positions import write_positions

    refused = client.get("/api/map/positions")
    assert refused.status_code == 404 and "`beadwork index layout toy` makes it" in refused.json()["words"]
    index = ConnectivityIndex.build(tmp_path / "index", *toy_files)
    positions = np.arange(300, dtype=np.uint16).reshape(150, 2)
    write_positions(index.store, positions, {"method": "made"})
    with client_of(index) as site:
        response = site.get("/api/map/positions")
        np.testing.assert_array_equal(np.frombuffer(response.content, "<u2").reshape(2, -1).T, positions)
        assert response.headers["x-rows"] == "150" and response.headers["x-method"] == "made"


def test_beads_are_found_from_the_folder_of_the_sheet(run):
    from beadwork.api.figures.wells import RunPlates

    folder, plate = run
    sheet = next((folder / "data").glob("*.tsv"))
    assert f"\t{folder}" not in sheet.read_text(), "its paths begin at the folder of the data"
    plates = RunPlates.open(folder / "results", sheet)
    well = plates.wells(plate)[0]["well"]
    assert len(plates.beads(plate, well, ["CDK1"])[0]["counts"]) == 80


def test_qc_figures_are_numbers_and_truths(run):
    from beadwork.api.figures.wells import RunPlates

    folder, plate = run
    plates = RunPlates.open(folder / "results", folder / "plates.tsv")
    rows = plates.qc(plate, plates.wells(plate)[0]["well"])
    assert rows and all(isinstance(row["value"], float) and isinstance(row["pass"], bool) for row in rows)
