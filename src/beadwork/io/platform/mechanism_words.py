"""What the words of a mechanism say of its target: more of it, or less."""

from __future__ import annotations

from functools import cache

from beadwork.io.platform.folder import resource_path


@cache
def mechanism_words() -> dict[str, int]:
    """Direction, 1, 0 or -1, by the words at the end of a mechanism, small letters."""
    lines = resource_path("mechanism_words.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")][1:]
    return {words: int(direction) for words, direction in rows}
