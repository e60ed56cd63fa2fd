"""Bytes of any encoding become the same lines; what is no text is named for what it is."""

import gzip
import logging

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from beadwork.io.files.text import decode, read_text
from beadwork.model.errors import FileError
from beadwork.model.lines import split_lines

letters = st.text(st.characters(exclude_characters="\0\r\n\x1a", exclude_categories=("Cs",)), max_size=12)


@given(
    lines=st.lists(letters, min_size=1, max_size=6),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_only_cr_and_lf_end_a_line(lines, end, encoding):
    text = end.join(lines)
    assume(not text.startswith("\ufeff") and not text[:200].lstrip().lower().startswith(("<!doctype html", "<html")))
    assume(encoding != "utf-8" or not text.startswith(("RDX", "FCS", "PAR1", "{\\rtf", "%PDF", "BZh", "GIF8")))
    assert split_lines(decode(text.encode(encoding), "f", "x").text) == lines


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=4), st.sampled_from(["le", "be"]))
def test_utf16_without_a_mark(text, order):
    found = decode(f"{text}\n".encode(f"utf-16-{order}"), "f", "x")
    assert (found.text, found.encoding, found.note) == (f"{text}\n", f"utf-16-{order}", "")


def test_older_encodings_are_a_guess_that_is_said(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("beadwork"), "propagate", True)
    path = tmp_path / "t.txt"
    for raw, text, called in (
        (b"5 \xb5M \x85\x96", "5 µM …–", "Windows-1252"),
        (b"5 \xb5M \x81", "5 µM \x81", "latin-1"),
    ):
        caplog.clear()
        path.write_bytes(gzip.compress(raw, mtime=0))
        assert read_text(path, "x") == text
        assert caplog.messages == [
            f"{path}: is not UTF-8; read as {called}: check letters beyond ASCII, or save it as UTF-8"
        ]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"a\x00b", "f: is not a text file; a table"),
        (b"PK\x03\x04\x14\x00", "f: is not a text file; a table (it is an Excel workbook or another zip archive)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "f: is not a text file; a table (it is an old Excel or Word document)"),
        (b"\x89HDF\r\n\x1a\n\x00", "f: is not a text file; a table (it is HDF5, as GCTX and h5ad are)"),
        (b"%PDF-1.4\nabc", "f: is not a plain text file; a table"),
        (b"\xfd7zXZ\x00", "f: is not a text file; a table (it is packed by xz; unpack it)"),
        (bytes(range(1, 256)), "f: is not a text file; a table"),
        ("a\tb".encode("utf-16")[:-1], "f: is damaged UTF-16 text, perhaps cut off; save it anew as UTF-8; a table"),
        (b" <HTML><body>", "f: is a web page, perhaps an error page or a login in place of the file; a table"),
    ],
)  # fmt: skip
def test_what_is_no_text(raw, message):
    with pytest.raises(FileError) as caught:
        decode(raw, "f", "a table")
    assert str(caught.value) == message


def test_the_end_mark_of_dos_is_no_text():
    assert decode(b"a\n\x1a", "f", "x").text == "a\n"
