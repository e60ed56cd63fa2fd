"""The files of the page are what the sources give, small, under allowed licences; the lock names no registry."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ASSETS = ROOT / "src" / "beadwork" / "serve" / "assets"
WEB = ROOT / "web"
LICENCES = {"MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD"}


def test_the_record_is_of_these_files():
    record = json.loads((ASSETS / "bundle.json").read_text(encoding="utf-8"))
    files = {item["name"]: item["sha256"] for item in record["files"]}
    assert set(files) | {"bundle.json"} == {path.name for path in ASSETS.iterdir()}
    for name, digest in files.items():
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == digest, name
    third = (ASSETS / "THIRD_PARTY.txt").read_text(encoding="utf-8")
    assert record["packages"] and {item["licence"] for item in record["packages"]} <= LICENCES
    assert all(f"{item['name']} {item['version']} ({item['licence']})" in third for item in record["packages"])


def test_the_page_is_small():
    import gzip

    size = sum(len(gzip.compress((ASSETS / name).read_bytes(), 9)) for name in ("app.js", "style.css", "index.html"))
    assert size < 200_000
    assert size < 120_000, "the budget of the design: libraries 32 kB and own code"


def test_the_lock_pins_everything_and_names_no_registry():
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    assert all("resolved" not in item for item in lock["packages"].values())
    assert all("integrity" in item for name, item in lock["packages"].items() if name)
    assert all(
        version[0].isdigit() for kind in ("dependencies", "devDependencies") for version in wanted[kind].values()
    )
    text = "".join(path.read_text(encoding="utf-8") for path in WEB.rglob("*.*") if "node_modules" not in path.parts)
    assert "registry" not in text


def test_the_page_asks_for_nothing_but_its_server():
    text = (ASSETS / "index.html").read_text(encoding="utf-8")
    assert "http" not in text and "style=" not in text and "<script>" not in text


@pytest.mark.slow
def test_the_sources_give_these_bytes(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (WEB / "node_modules" / "esbuild").is_dir():
        pytest.skip("the packages of the page are not installed (npm ci --prefix web)")
    done = subprocess.run([node, "build.mjs", "--out", str(tmp_path)], cwd=WEB, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in ASSETS.iterdir()}
    assert sorted(built) == sorted(kept)
    assert [name for name in kept if built[name] != kept[name]] == [], "run `make page`, and commit what it wrote"
