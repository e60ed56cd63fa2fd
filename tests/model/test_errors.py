"""Counted nouns: one thing is never several."""

import pytest

from beadwork.model.errors import agree, counted, plural


@pytest.mark.parametrize(
    ("noun", "several"),
    [
        ("gene", "genes"), ("query", "queries"), ("plate of the study", "plate of the studies"), ("index", "indexes"),
        ("analysis", "analyses"), ("box", "boxes"), ("batch", "batches"), ("key", "keys"), ("row name", "row names"),
        ("is", "are"), ("has", "have"),
    ],
)  # fmt: skip
def test_plural(noun, several):
    assert plural(noun) == several


def test_counts():
    assert [counted(n, "set") for n in (0, 1, 2, 12345)] == ["0 sets", "1 set", "2 sets", "12,345 sets"]
    assert counted(1, "gene of it", "genes of it") == "1 gene of it"
    assert counted(0, "gene of it", "genes of it") == "0 genes of it"
    assert (agree(1, "has"), agree(0, "has"), agree(2, "is")) == ("has", "have", "are")
