"""Put one small fault at a time into a copy of the project and see whether a test notices (``make mutants``)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("src", "tests", "resources", "benchmarks", "pyproject.toml", "config", "workflow", "Snakefile")


def read_mutants() -> list[dict]:
    """All faults of ``mutants.toml``."""
    return tomllib.loads((ROOT / "tests" / "mutants.toml").read_text(encoding="utf-8"))["mutant"]


def changed(text: str, mutant: dict) -> str:
    """Text of the file with the fault; it must be there once."""
    count = text.count(mutant["old"])
    if count != 1:
        raise ValueError(f"{mutant['name']}: its old text stands {count} times in {mutant['file']}, not once")
    return text.replace(mutant["old"], mutant["new"])


def noticed(folder: Path, tests: list[str], cache: Path) -> tuple[bool, str]:
    """Whether tests fail in a copy of the project, and pytest's last line."""
    env = {**os.environ, "PYTHONPATH": str(folder / "src"), "NUMBA_CACHE_DIR": str(cache),
           "BEADWORK_SHARED_DATA": str(folder / "absent")}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests],
        cwd=folder, env=env, text=True, capture_output=True, check=False,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines() or [done.stderr.strip()[-200:]]
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest could not run {tests}: {lines[-1]}")
    return done.returncode == 1, lines[-1]


def main(names: list[str]) -> int:
    """Try all faults, or those whose name contains one of the words given."""
    chosen = [item for item in read_mutants() if not names or any(name in item["name"] for name in names)]
    survived = []
    with tempfile.TemporaryDirectory() as place:
        folder, cache = Path(place) / "copy", Path(place) / "kernels"
        folder.mkdir()
        for name in COPIED:
            source = ROOT / name
            ignored = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
            (shutil.copytree if source.is_dir() else shutil.copy2)(
                source, folder / name, **({"ignore": ignored} if source.is_dir() else {})
            )
        for mutant in chosen:
            path = folder / mutant["file"]
            text, times = path.read_text(encoding="utf-8"), path.stat()
            path.write_text(changed(text, mutant), encoding="utf-8")
            try:
                found, line = noticed(folder, mutant["tests"], cache)
            finally:
                path.write_text(text, encoding="utf-8")
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
            print(f"{'noticed ' if found else 'SURVIVED'}  {mutant['name']}  ({line.strip('= ')})", flush=True)
            survived += [] if found else [mutant["name"]]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} faults noticed")
    return 1 if survived or not chosen else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
