"""Opening an index: files are opened with the manifest that names them."""

import json
import resource
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from beadwork.io.connectivity.index import reader
from beadwork.io.connectivity.index.layout import read_manifest
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.io.connectivity.index.writer import SignatureSource, create_index, extend_index
from beadwork.model.errors import IndexStoreError

GENES = ["1", "2", "3"]


def add(writer, prefix, value, count=4):
    """Add signatures whose scores are all `value`."""
    source = SignatureSource("made", count, lambda start, stop: np.full((stop - start, 3), value, np.float32))

    def fill(z, rank_block, z_block, column):
        z_block[:, column : column + len(z)] = z.T
        rank_block[:, column : column + len(z)] = np.array([[1], [2], [3]])

    annotation = pa.table({"sig_id": [f"{prefix}{number}" for number in range(count)]})
    return writer.add_segment([source], annotation, pa.table({"digest": [f"{prefix}{value}"]}), fill)


@pytest.fixture
def index(tmp_path):
    with create_index(tmp_path / "index") as writer:
        writer.set_genes(GENES, GENES, space=None, level=None, parameters={})
        add(writer, "A", 1.0)
        add(writer, "B", 2.0)
        writer.publish()
    return tmp_path / "index"


def replace_part(index, prefix="B", value=3.0):
    with extend_index(index) as writer:
        writer.drop([item for item in writer.segments if writer.store.segment_sources(item)[0].startswith(prefix)])
        add(writer, prefix, value)
        writer.publish()


def test_a_writer_between_manifest_and_files_is_noticed(index, monkeypatch):
    """The manifest is read again; a sound index is not called damaged."""
    opened, calls = reader._open_all, []

    def late(files, manifest):
        if not calls:
            replace_part(index)
        calls.append(1)
        return opened(files, manifest)

    monkeypatch.setattr(reader, "_open_all", late)
    store = IndexStore(index)
    assert len(calls) == 2 and store.read_signatures([4])[0, 0] == 3


def test_a_store_keeps_what_it_opened(index):
    store = IndexStore(index)
    replace_part(index)
    assert store.read_signatures([0, 7])[:, 0].tolist() == [1, 2]
    assert store.blocks[1].take_genes(np.array([1]))[1].tolist() == [[2, 2, 2, 2]]
    assert IndexStore(index).read_signatures([0, 7])[:, 0].tolist() == [1, 3]


def test_files_that_were_not_opened_in_time_are_named_so(index, monkeypatch):
    monkeypatch.setattr(reader, "_open_all", lambda files, manifest: True)
    store = IndexStore(index)
    replace_part(index)
    with pytest.raises(IndexStoreError, match="was changed by another process since it was opened; open it again"):
        _ = store.blocks


def test_damage_of_an_index_that_nobody_changes_is_damage(index):
    next(index.glob("segments/*/rank.bin")).unlink()
    with pytest.raises(IndexStoreError, match=r"rank.bin: cannot be read \(No such file or directory\); the index is"):
        _ = IndexStore(index).blocks


def test_the_same_name_never_holds_another_content(index):
    names = {item["name"] for item in read_manifest(index)["segments"]}
    for value in (5.0, 6.0, 5.0):
        replace_part(index, "B", value)
        new = {item["name"] for item in read_manifest(index)["segments"]} - names
        assert len(new) == 1 and not new & names
        names |= new


def test_an_index_of_many_segments_may_open_as_many_files(index, monkeypatch):
    asked = []
    monkeypatch.setattr(reader.resource, "getrlimit", lambda kind: (10, 4096))
    monkeypatch.setattr(reader.resource, "setrlimit", lambda kind, limits: asked.append(limits))
    IndexStore(index)
    assert asked == [(2 * 7 + 64, 4096)] and resource.getrlimit is not None


def test_a_manifest_that_leads_out_of_the_folder_is_refused(index):
    manifest = json.loads((index / "manifest.json").read_text())
    for name in ("..", "a/b", ""):
        manifest["segments"][0]["name"] = name
        (index / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(IndexStoreError, match="an entry of segments is not what it must be; the index is damaged"):
            IndexStore(index)


LOOK = """
import os, sys
import pyarrow as pa
from beadwork.io.connectivity.index.reader import IndexStore
pa.allocate_buffer(1 << 20)
before = len(os.listdir("/proc/self/task"))
store = IndexStore(sys.argv[1])
store.signature_table(), store.gene_ids, store.segment_sources(store.segments[0])
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads as Linux lists them")
def test_tables_are_read_without_threads_of_arrow(index):
    """One that still held the file when Python ended would abort the process (one query in sixty under load)."""
    done = subprocess.run([sys.executable, "-c", LOOK, str(index)], text=True, capture_output=True, check=False)
    assert (done.stdout, done.returncode) == ("0\n", 0), done.stderr
