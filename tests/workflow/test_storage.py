"""Results in a storage: the bytes of a local run, also where jobs share no file system with the run."""

import os
import shutil
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from .conftest import BIN, ROOT, run_command

pytestmark = pytest.mark.slow
BUCKET = "bucket"
NODE = """#!/bin/bash
# a batch system whose jobs run in an empty folder of their own: submit SCRIPT, status JOB
case $1 in
    submit)
        job=$(mktemp -d {nodes}/XXXXXX) && cp "$2" "$job/script" && mkdir "$job/work"
        ( cd "$job/work"; sh ../script > ../log 2>&1 < /dev/null; echo $? > ../code ) > /dev/null 2>&1 &
        echo "$job" ;;
    status)
        [ -e "$2/code" ] || {{ echo running; exit; }}
        [ "$(cat "$2/code")" = 0 ] && echo success || echo failed ;;
esac
"""
FETCH = """
import sys
from pathlib import Path
import boto3
address, name, folder = sys.argv[1:]
bucket = boto3.resource("s3", endpoint_url=address, region_name="us-east-1").Bucket(name)
for item in bucket.objects.filter(Prefix="study/results/"):
    path = Path(folder, item.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    bucket.download_file(item.key, str(path))
"""


def files_of(results: Path) -> set[Path]:
    """Files that a run makes, without logs and times."""
    found = {path.relative_to(results) for path in results.rglob("*") if path.is_file()}
    names = ("lock", ".snakemake_timestamp", "failed.tsv")
    return {path for path in found if path.parts[0] not in ("logs", "benchmarks") and path.name not in names}


def write_config(folder: Path, **settings: object) -> None:
    sets = {"up": "data/truth/mechanisms_up.gmt", "down": "data/truth/mechanisms_dn.gmt"}
    known = {"plates": "data/plates.tsv", "data": "data", "queries": [{"name": "mechanisms", **sets}]}
    (folder / "config.yaml").write_text(yaml.safe_dump(known | settings))


def test_a_whole_study_in_a_storage_has_the_bytes_of_a_local_run(study: Path, finished: Path, tmp_path: Path):
    """Beads and results in the storage; configuration, sheet, maps and gene sets where Snakemake runs."""
    pytest.importorskip("snakemake_storage_plugin_fs", reason="needs Snakemake's storage plugin fs")
    if shutil.which("rsync") is None:
        pytest.skip("the storage plugin fs needs rsync")
    run, store = tmp_path / "run", tmp_path / "store"
    shutil.copytree(study / "data", run / "data", ignore=shutil.ignore_patterns("lxb"))
    shutil.copytree(study / "data/lxb", store / "data/lxb")
    write_config(run)
    words = [BIN / "snakemake", "--snakefile", ROOT / "Snakefile", "--configfile", "config.yaml", "--cores", 2,
             "--default-storage-provider", "fs", "--default-storage-prefix", store]  # fmt: skip
    done = run_command(*words, cwd=run)
    assert done.returncode == 0, done.stdout
    assert f"report      {store}/results/report/index.html" in done.stdout
    assert files_of(store / "results") == files_of(finished)
    different = [path for path in files_of(finished)
                 if (store / "results" / path).read_bytes() != (finished / path).read_bytes()]  # fmt: skip
    assert different == []
    assert not (run / "results").exists()
    again = run_command(*words, cwd=run)
    assert "Nothing to be done" in again.stdout, again.stdout


SERVER = """
import threading
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
threading.Event().wait()
"""


@pytest.fixture
def s3() -> Iterator[str]:
    """Address of a server of S3's protocol with an empty bucket."""
    pytest.importorskip("moto", reason="needs moto's server")
    pytest.importorskip("snakemake_storage_plugin_s3", reason="needs Snakemake's storage plugin s3")
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as server:  # fmt: skip
        try:
            address = f"http://127.0.0.1:{int(server.stdout.readline())}"
            put(f"{address}/{BUCKET}")
            yield address
        finally:
            server.terminate()


def put(url: str, content: bytes = b"") -> None:
    headers = {"Content-Type": "application/octet-stream"}
    urllib.request.urlopen(urllib.request.Request(url, content, headers, method="PUT"), timeout=60).close()


def test_jobs_that_share_nothing_with_the_run_make_a_study_in_s3(
    study: Path, finished: Path, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each job in an empty folder, with the workflow's sources and what it fetches; one plate is broken."""
    run, nodes = tmp_path / "run", tmp_path / "nodes"
    nodes.mkdir()
    shutil.copytree(study / "data", run / "data", ignore=shutil.ignore_patterns("lxb"))
    for name in ("workflow", "config", "envs"):
        shutil.copytree(ROOT / name, run / name, ignore=shutil.ignore_patterns("__pycache__"))
    write_config(run, report=False)
    beads = sorted((study / "data/lxb").rglob("*.lxb*"))
    broken, sound = sorted({path.parent.name for path in beads})
    for path in beads:
        content = b"not beads" if path.parent.name == broken else path.read_bytes()
        put(f"{s3}/{BUCKET}/study/{path.relative_to(study)}", content)
    script = tmp_path / "node.sh"
    script.write_text(NODE.format(nodes=nodes))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    done = run_command(
        BIN / "snakemake", "--snakefile", "workflow/Snakefile", "--configfile", "config.yaml", "--workflow-profile",
        "none", "--keep-going", "--retries", 2, "--jobs", 2, "--seconds-between-status-checks", 2,
        "--executor", "cluster-generic",
        "--cluster-generic-submit-cmd", f"{script} submit", "--cluster-generic-status-cmd", f"{script} status",
        "--shared-fs-usage", "none", "--job-deploy-sources", "--default-storage-provider", "s3",
        "--default-storage-prefix", f"s3://{BUCKET}/study", "--storage-s3-endpoint-url", s3, cwd=run,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    # the message comes from the log in the storage, and what is wrong with the beads is not tried again
    assert f"  {broken}: deconvolve: {broken}: 0 usable wells" in done.stdout
    assert f"(s3://{BUCKET}/study/results/logs/plate/{broken}.log)" in done.stdout
    assert len(list(nodes.iterdir())) == 3  # two plates and the brew
    paths = [path for path in files_of(finished) if path.parts[0] == sound]
    assert len(paths) > 12
    stored = tmp_path / "stored"
    fetched = run_command(sys.executable, "-c", FETCH, s3, BUCKET, stored, cwd=tmp_path)
    assert fetched.returncode == 0, fetched.stdout
    results = stored / "study/results"
    assert [path for path in paths if (results / path).read_bytes() != (finished / path).read_bytes()] == []
    for name in ("qc.tsv", "index/manifest.json", "index/genes.parquet", "queries/mechanisms/queries.tsv"):
        assert (results / name).is_file(), name
    assert not [path for path in os.listdir(run / "results") if path != "failed.tsv"]
