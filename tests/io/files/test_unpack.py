"""Limits on what a packed file may grow to."""

import bz2
import gzip
import io
import lzma

import pytest

from beadwork.io.files import unpack
from beadwork.io.files.unpack import Growth, UnpackedStream
from beadwork.model.errors import FileError


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    monkeypatch.setattr(unpack, "_FREE", 1000)


def test_growth_is_counted_over_all_parts():
    growth = Growth("x.zip", 10, "archive")
    growth.add(b"x" * 1500)
    with pytest.raises(FileError, match=r"x.zip: unpacks to more than 200 times its size, as no archive does; unpack"):
        growth.add(b"x" * 501)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_streams_are_unpacked_whatever_they_are_packed_with(pack, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(pack(b"abc" * 100))
    with open(path, "rb") as file:
        stream = UnpackedStream(file, Growth(path, 100, "file"))
        assert stream.read(4) + stream.read() == b"abc" * 100


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_streams_that_grow_absurdly_are_refused(pack, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(pack(bytes(1 << 24)))
    with open(path, "rb") as file, pytest.raises(FileError, match="unpacks to more than 200 times its size"):
        stream = UnpackedStream(file, Growth(path, path.stat().st_size, "file"))
        while stream.read(1 << 16):
            pass


def test_an_open_file_without_a_look_ahead_is_read_as_it_is():
    assert UnpackedStream(io.BytesIO(b"abc"), Growth("x", 3, "file")).read() == b"abc"
