"""Fixtures that several test folders share."""

import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.model.beads.plate import CALIBRATORS
from beadwork.model.matrix import Level, Matrix, Space

# how long an example takes depends on what else the machine does, and on what is compiled first
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


TOGETHER = ("tests/workflow", "tests/slurm")
"""Folders whose files share one study, or one Slurm; the longest first."""


def unit_of(nodeid: str) -> str:
    """What one worker runs alone, so that its fixtures are made once: a file, or one of these folders."""
    path = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what is slow first: then several workers end at the same time."""
    slow = Counter(unit_of(item.nodeid) for item in items if item.get_closest_marker("slow"))
    place = {folder: number for number, folder in enumerate(TOGETHER)}
    units = {unit_of(item.nodeid) for item in items}
    order = {unit: (place.get(unit, len(place)), -slow[unit]) for unit in units}
    items.sort(key=lambda item: order[unit_of(item.nodeid)])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the workers of ``--dist loadfile`` whole units, in the order of above."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Units(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    config.option.loadscopereorder = False
    return Units(config, log)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data beside the checkout; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("BEADWORK_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; BEADWORK_SHARED_DATA may name another folder")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of official values that stand in the repository."""
    return Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def own_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a command run in this process does to the logger, so that caplog hears it in the next test."""
    logger = logging.getLogger("beadwork")
    monkeypatch.setattr(logger, "propagate", True)
    monkeypatch.setattr(logger, "handlers", [])
    for name in (name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "beadwork"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)  # as import-linter leaves them
    logger.setLevel(logging.NOTSET)  # not by monkeypatch: setLevel also clears what the logger remembers


CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium, one for all tests of a process: Playwright does not start twice in one thread."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("chromium is not installed")
    playwright.expect.set_options(timeout=20_000)  # as long as a loaded machine may take
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=CHROMIUM)
        yield opened
        opened.close()


Recovery = Callable[[str, str], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def recovery() -> Recovery:
    """Measure how long the recovery from a fault takes: ``with recovery(fault, what is done about it)``.

    One row goes to the table that BEADWORK_RECOVERY names, if any: benchmarks/robustness/faults.py makes
    the table of docs/validation/reliability.md of it.
    """

    @contextmanager
    def measure(fault: str, remedy: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        if table := os.environ.get("BEADWORK_RECOVERY"):
            with open(table, "a", encoding="utf-8") as stream:
                stream.write(f"{fault}\t{remedy}\t{time.monotonic() - start:.1f}\n")

    return measure


@pytest.fixture
def level2_plate() -> tuple[Matrix, Matrix]:
    """Made GEX (978 genes) and CAL of twelve wells: two empty, three vehicle, seven treated."""
    rng = np.random.default_rng(7)
    genes = read_bead_set("epsilon-r2").genes
    wells = [f"A{number:02d}" for number in range(1, 13)]
    cols = pd.DataFrame(
        {
            "det_plate": "TOY001_A375_24H_X1_B20",
            "det_well": wells,
            "bead_revision": "r2",
            "pert_type": ["lma_x"] * 2 + ["ctl_vehicle"] * 3 + ["trt_cp"] * 7,
            "count_mean": 90.0 + np.arange(12),
            "count_cv": 14.0,
        },
        index=pd.Index([f"TOY001_A375_24H_X1_B20:{well}" for well in wells], dtype=object),
    )
    gain = rng.normal(0.65, 0.02, 12)
    levels = rng.uniform(4.5, 13, (978, 1)) + rng.normal(0, 0.4, (978, 12))
    calibration = read_liss_reference()["log2_level"].to_numpy()[1:11, None] + rng.normal(0, 0.2, (10, 12))
    gex, cal = (np.round(2 ** (4 + gain * (level - 4))) for level in (levels, calibration))
    calibrators = pd.DataFrame(index=pd.Index(CALIBRATORS, dtype=object))
    return (
        Matrix(gex, genes, cols, level=Level.GEX, space=Space.LM),
        Matrix(cal, calibrators, cols, level=Level.CAL),
    )
