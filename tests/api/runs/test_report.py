"""The report of a folder of results, and what it looks like to a browser."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beadwork.api.runs.report import Parts, write_report
from beadwork.io.files.atomic import write_text
from beadwork.io.files.tables import write_table
from beadwork.io.runs.failures import FAILED_COLUMNS
from beadwork.model.errors import FileError
from beadwork.model.qc import join_qc, qc_rows

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def make_results(folder: Path, n_plates: int = 12, n_wells: int = 4) -> list[str]:
    """Results of plates of which only QC rows are there; the last plate is unlike the others."""
    rng = np.random.default_rng(5)
    names = [f"LAB{number:04d}_A375_24H_X1_B20" for number in range(n_plates)]
    for number, plate in enumerate(names):
        wells = [f"{plate}:A{well:02d}" for well in range(1, n_wells + 1)]
        slope = 30.0 if number == n_plates - 1 else 60.0
        table = join_qc([
            qc_rows("deconvolve", "wells_read", {plate: n_wells}),
            qc_rows("normalize", "qc_slope", dict(zip(wells, slope + rng.normal(size=n_wells), strict=True)), lower=52),
            qc_rows("normalize", "outlier", {wells[0]: "<b>qc_slope</b> & more"}, passed=False),
        ])  # fmt: skip
        write_table(table, folder / plate / "qc" / "normalize.tsv")
    return names


def sheet(names: list[str]) -> list[dict[str, str]]:
    return [{"det_plate": name, "use": "yes", "batch": "spring", "brew": name[:16]} for name in names]


@pytest.mark.parametrize("index", ["index", "index_MNZ"])
def test_segments_of_an_index_are_no_plates(tmp_path, index):
    names = make_results(tmp_path)
    segment = {"name": "000001-9dfe808f6e85", "n_signatures": 22}
    (tmp_path / index).mkdir()
    (tmp_path / index / "manifest.json").write_text(json.dumps({"software": "beadwork 0.1.0", "segments": [segment]}))
    assert write_report(tmp_path, tmp_path / "report", sheet(names))["plates"] == 12
    assert "12 plates, 0 of them complete" in (tmp_path / "report" / "index.html").read_text()
    assert len(list((tmp_path / "report" / "plates").iterdir())) == 12


def test_plates_states_and_what_stands_out(tmp_path):
    names = make_results(tmp_path)
    counts = write_report(tmp_path, tmp_path / "report", sheet(names), title="Spring & summer")
    assert counts == {"plates": 12, "with_failed_checks": 12, "failed": 0}
    page = (tmp_path / "report" / "index.html").read_text()
    assert "<h1>Spring &amp; summer</h1>" in page
    assert "12 plates, 0 of them complete" in page and "missing: GEX" in page
    assert page.count('class="dot far"') == 1 and re.findall(r'class="name"[^>]*>([^<]+)<', page) == [names[-1]]
    plate = (tmp_path / "report" / "plates" / f"{names[-1]}.html").read_text()
    assert "&lt;b&gt;qc_slope&lt;/b&gt; &amp; more" in plate and "at least 52" in plate
    assert (tmp_path / "report" / "assets" / "page.css").is_file()


def test_failed_plates_stand_first(tmp_path):
    names = make_results(tmp_path)
    row = {
        "plate": "LAB9999_A375_24H_X1_B20",
        "stage": "deconvolve",
        "message": "0 usable wells",
        "log": "x.log",
        "attempt": "1",
    }
    write_table(pd.DataFrame([row]), tmp_path / "failed.tsv")
    assert write_report(tmp_path, tmp_path / "report", sheet(names))["failed"] == 1
    page = (tmp_path / "report" / "index.html").read_text()
    assert "1 plate failed; the rest went on without it" in page
    assert page.index("0 usable wells") < page.index('id="plates"')


def test_what_failed_beside_plates_is_counted_apart(tmp_path):
    names = make_results(tmp_path)
    rows = [(names[0], "figures_plate"), ("", "query"), (names[1], "zscore"), (names[1], "figures_brew")]
    table = pd.DataFrame([(*row, "why", "x.log", "1") for row in rows], columns=FAILED_COLUMNS)
    write_table(table, tmp_path / "failed.tsv")
    assert write_report(tmp_path, tmp_path / "report", sheet(names))["failed"] == 1
    page = (tmp_path / "report" / "index.html").read_text()
    assert "1 plate failed; the rest went on without it" in page
    assert "3 steps failed of figures, or of the whole study" in page and "<b>study</b>, query: why" in page
    write_report(tmp_path, tmp_path / "report", sheet(names[1:2]))
    assert "<li>1 plate failed</li>" in (tmp_path / "report" / "index.html").read_text()


def test_what_earlier_runs_left_is_shown_only_if_it_is_wanted(tmp_path):
    names = make_results(tmp_path, n_plates=2)
    report, plate = tmp_path / "report", names[0]
    write_table(qc_rows("denoise", "noise_df", {plate: 0.3}), tmp_path / plate / "qc" / "denoise.tsv")
    for name in ("wells", "noise"):
        write_text(report / plate / f"{name}.svg", "<svg/>")
    for name in ("kept", "dropped"):
        answers = tmp_path / "queries" / name
        write_table(pd.DataFrame([{"query": name, "file": f"{name}.tsv"}]), answers / "queries.tsv")
        write_table(pd.DataFrame([{"sig_id": "S", "ncs": 1.0}]), answers / f"{name}.tsv")

    def pages():
        return (report / "plates" / f"{plate}.html").read_text(), (report / "index.html").read_text()

    write_report(tmp_path, report, sheet(names))
    of_plate, of_study = pages()
    assert "noise.svg" in of_plate and "noise_df" in of_plate and ">dropped<" in of_study
    parts = Parts(figures=["wells"], steps=["normalize"], queries=["kept"])
    write_report(tmp_path, report, sheet(names), parts=parts)
    of_plate, of_study = pages()
    assert "wells.svg" in of_plate and "qc_slope" in of_plate and ">kept<" in of_study
    assert "noise" not in of_plate and "dropped" not in of_study


def test_the_same_results_give_the_same_bytes(tmp_path):
    names = make_results(tmp_path)
    for name in ("one", "two"):
        write_report(tmp_path, tmp_path / name, sheet(names))
    for path in (tmp_path / "one").rglob("*.html"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_no_folder_of_results(tmp_path):
    with pytest.raises(FileError, match=r"no such folder of results"):
        write_report(tmp_path / "absent", tmp_path / "report")
    assert not (tmp_path / "report").exists()


@pytest.mark.slow
def test_pages_stay_small(tmp_path):
    names = make_results(tmp_path, n_plates=500, n_wells=2)
    write_report(tmp_path, tmp_path / "report", sheet(names))
    size = sum(path.stat().st_size for path in (tmp_path / "report").rglob("*") if path.is_file())
    assert size / len(names) < 20e6 / 3500


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_table_can_be_searched_in_a_browser(tmp_path):
    names = make_results(tmp_path)
    write_report(tmp_path, tmp_path / "report", sheet(names))
    page = tmp_path / "report" / "index.html"
    steps = (
        "addEventListener('load', () => { const s = document.querySelector('input[type=search]'); s.value = 'LAB0003';"
        " s.dispatchEvent(new Event('input')); document.querySelector('#plate-table th button').click();"
        " document.querySelector('#plate-table th button').click(); });"
    )
    page.write_text(page.read_text().replace("</body>", f"<script>{steps}</script></body>"))
    seen = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, check=True, timeout=300,
    ).stdout  # fmt: skip
    assert "1 of 12" in seen
    assert 'aria-sort="descending"' in seen
    assert seen.index(f">{names[-1]}</a></th>") < seen.index(f">{names[0]}</a></th>")


def test_multiqc_finds_files_of_custom_content(tmp_path):
    """Keys and kinds as MultiQC's documentation of custom content has them; one file for each section."""
    names = make_results(tmp_path)
    table = pd.DataFrame({"sig_id": ["a", "b", "c"], "brew_prefix": ["B1", "B1", "B2"], "tas": [0.2, 0.4, np.nan]})
    write_table(table, tmp_path / "siginfo.tsv")
    write_report(tmp_path, tmp_path / "report", sheet(names))
    found = {path.name: json.loads(path.read_text()) for path in (tmp_path / "report" / "multiqc").iterdir()}
    assert sorted(found) == [f"beadwork_{name}_mqc.json" for name in ("plates", "signatures", "wells")]
    for name, content in found.items():
        assert content["id"] == name.removesuffix("_mqc.json") and content["parent_id"] == "beadwork"
        assert content["plot_type"] in ("table", "bargraph") and content["section_name"] and content["description"]
        assert content["pconfig"]["id"] and content["pconfig"]["title"].startswith("beadwork: ")
        named = content.get("headers", content.get("categories"))
        for row in content["data"].values():
            assert set(row) <= set(named) and all(isinstance(value, int | float) for value in row.values())
    plates = found["beadwork_plates_mqc.json"]["data"]
    assert list(plates) == names and plates[names[-1]]["qc_slope"] < 35 and plates[names[0]]["wells_read"] == 4
    assert found["beadwork_wells_mqc.json"]["data"][names[0]]["outlier"] == 1
    assert found["beadwork_signatures_mqc.json"]["data"]["B1"] == {"n_signatures": 2, "tas": 0.3}


def test_links_are_not_within_pictures(tmp_path):
    """A picture hides from screen readers what stands in it; strips of few plates hold links."""
    write_report(tmp_path, tmp_path / "report", sheet(make_results(tmp_path)))
    page = (tmp_path / "report" / "index.html").read_text()
    drawings = re.findall(r"<svg[^>]*>.*?</svg>", page, flags=re.DOTALL)
    assert any("<a " in drawing for drawing in drawings)
    assert not any("<a " in drawing and 'role="img"' in drawing for drawing in drawings)
    assert "<footer>" in page
