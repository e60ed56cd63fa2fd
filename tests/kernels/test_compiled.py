"""Compiled kernels give the same bytes whether a run compiles them or loads them, and whatever the processor."""

import ast
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLATE = "SIM001_A375_24H_X1_B20"


def test_no_kernel_is_compiled_with_reordered_arithmetic():
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.keyword) and node.arg in ("fastmath", "parallel")), (
                f"{path}:{node.value.lineno}: {node.arg} lets the result depend on how the kernel was compiled"
            )


SCRIPT = """
import sys
from beadwork.cli import cli
for line in sys.argv[1:]:
    cli(line.split("\\t"), standalone_mode=False)
"""


def beadwork(folder: Path, cache: Path, *lines: tuple[object, ...]) -> None:
    """Run some commands in one process, kernels cached in a folder of their own."""
    words = ["\t".join(map(str, line)) for line in lines]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words], cwd=folder, text=True, capture_output=True, check=False,
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def whole_path(folder: Path, data: Path, cache: Path) -> dict[str, bytes]:
    """Bytes of all that the compiled stages make of one plate, from beads to the answer of a query."""
    folder.mkdir()
    sets = ("--up", data / "truth/mechanisms_up.gmt", "--down", data / "truth/mechanisms_dn.gmt")
    beadwork(
        folder, cache,
        ("deconvolve", data / "lxb" / PLATE, "--map", data / f"maps/{PLATE}.map", "-o", "GEX.gctx", "--calibrators",
         "CAL.gctx", "--support", "SUPPORT.gctx", "--sd", "SD.gctx", "--qc", "qc.tsv"),
        ("normalize", "GEX.gctx", "--calibrators", "CAL.gctx", "-o", "QNORM.gctx"),
        ("infer", "QNORM.gctx", "-o", "INF.gctx", "--space", "BING"),
        ("zscore", "INF.gctx", "-o", "ZSPC.gctx"),
        ("consensus", "ZSPC.gctx", "-o", "MODZ.gctx", "--siginfo", "siginfo.tsv"),
        ("index", "build", "index", "MODZ.gctx", "--siginfo", "siginfo.tsv"),
        ("query", "index", *sets, "-o", "answer"),
    )  # fmt: skip
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


@pytest.mark.slow
def test_a_run_that_compiles_and_one_that_loads_from_the_cache_give_the_same_bytes(tmp_path: Path):
    cache = tmp_path / "cache"
    beadwork(tmp_path, cache, ("simulate", "-o", "data", "--plates", 1, "--wells", 24, "--beads-mean", 30))
    fresh = whole_path(tmp_path / "fresh", tmp_path / "data", cache)
    compiled = set(cache.rglob("*.nbc"))
    assert compiled  # else nothing was compiled and this tests nothing
    cached = whole_path(tmp_path / "cached", tmp_path / "data", cache)
    assert set(cache.rglob("*.nbc")) == compiled  # nor was anything compiled anew
    assert list(fresh) == list(cached)
    assert [name for name in fresh if fresh[name] != cached[name]] == []


PAIRS = """
import hashlib
import numpy as np
from beadwork.kernels.beads.grouping import GroupedBeads
from beadwork.kernels.beads.grouping_numba import group_beads
from beadwork.kernels.beads.mixture.densities import WIDTHS, BeadModel, PairPrior
from beadwork.kernels.beads.mixture.fit import COLUMNS
from beadwork.kernels.beads.mixture.fit_numba import fit_plate

rng, n = np.random.default_rng(3), 60
analyte = rng.integers(0, n + 1, 70 * n, dtype=np.uint32)
analyte[analyte % 7 == 3] = 0
level = rng.uniform(6, 13, (2, n + 1))[(rng.random(len(analyte)) < 1 / 3).astype(int), analyte]
counts, reporter = group_beads(analyte, (2 ** (level + rng.normal(0, 0.25, len(level)))).astype(np.uint32), n)
starts = np.concatenate([[0], np.cumsum(counts)])[None]
prior = PairPrior(rng.uniform(6, 13, (1, n, 2)), rng.uniform(0.1, 1.0, (1, n, 2)))
model = BeadModel(WIDTHS, np.full(n, 2 / 3), np.ones((n, 2)), np.full(n, 0.2), 0.015, 16, 32768, 11.0, learn=True)
out = np.full((1, n, len(COLUMNS)), np.nan, np.float32)
fit_plate(GroupedBeads(reporter, starts), np.arange(1), np.arange(n), prior, model, out)
assert np.isfinite(out).all()
print(hashlib.blake2s(out.tobytes()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names processors of the x86-64 family")
def test_wide_and_narrow_vector_units_give_the_same_bytes(tmp_path: Path):
    def run(**environment: str) -> str:
        environment["NUMBA_CACHE_DIR"] = str(tmp_path / "-".join(["cache", *environment.values()]))
        done = subprocess.run(
            [sys.executable, "-c", PAIRS], text=True, capture_output=True, check=True, env=os.environ | environment
        )
        return done.stdout

    # the plainest processor of the family has vectors of four numbers and rounds products before it adds
    assert run() == run(NUMBA_CPU_NAME="x86-64", NUMBA_CPU_FEATURES="")


LEVELS = """
import hashlib
import numpy as np
from beadwork.io.platform.bead_sets import read_liss_reference
from beadwork.kernels.levels.liss import liss
from beadwork.kernels.levels.robust_z import robust_zscore
from beadwork.kernels.numeric.percentiles import quantile_normalize

rng, out = np.random.default_rng(3), hashlib.blake2s()
reference = read_liss_reference()["log2_level"].to_numpy()
features = np.round(2 ** rng.uniform(3, 14, (500, 40)))
calibrators = 2 ** (reference[1:11, None] * rng.normal(0.65, 0.05, 40) + 1.3 + rng.normal(0, 0.2, (10, 40)))
calibrators[0, :2] = features[0, :2] = 0
for smoother in ("cmap", "stable"):
    for levels in (reference, reference + np.linspace(0, 0.3, len(reference))):
        result = liss(features, calibrators, levels, smoother=smoother, max_level=15.0)
        qnorm = quantile_normalize(result.scaled)
        z, _ = robust_zscore(qnorm, qnorm, 0.1)
        fit = result.fit
        quality = (result.qc_slope, result.qc_f_logp, result.qc_iqr)
        for part in (result.scaled, qnorm, z, result.curve, *quality, fit.a, fit.b):
            out.update(np.ascontiguousarray(part).tobytes())
print(out.hexdigest())
"""


def numpy_features() -> list[str]:
    """Vector units that NumPy has code for beyond its baseline and finds here."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]


@pytest.mark.skipif(not numpy_features(), reason="NumPy finds no vector unit beyond its baseline")
def test_numpy_s_vector_units_give_the_same_bytes():
    """Level 3 and 4, all 64 bits of it: NumPy's own logarithms for AVX-512 round otherwise than the C library's."""

    def run(disabled: list[str], **environment: str) -> str:
        environment = os.environ | environment | {"NPY_DISABLE_CPU_FEATURES": " ".join(disabled)}
        done = subprocess.run(
            [sys.executable, "-c", LEVELS], text=True, capture_output=True, check=True, env=environment
        )
        return done.stdout

    found = numpy_features()
    answers = {run(found[start:]) for start in range(len(found) + 1)}
    answers |= {run(found, OPENBLAS_CORETYPE=core) for core in ("Prescott", "Haswell")}  # nor does that of BLAS matter
    assert len(answers) == 1
