"""What the columns of tables mean: titles and words that the page shows and that stand above its files."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files


@cache
def column_words() -> dict[str, dict[str, str]]:
    """Title and meaning (`help`) of each column by name.

    Examples
    --------
    >>> column_words()["tas"]["title"]
    'TAS'
    """
    words: dict[str, dict[str, str]] = json.loads(
        files("beadwork.serve.answer").joinpath("columns.json").read_text("utf-8")
    )
    return words


def comment_lines(names: Iterable[str]) -> Iterator[str]:
    """Comments of a TSV that say what its columns mean."""
    words = column_words()
    yield from (f"# {name}: {words[name]['help']}\n" for name in names if name in words)
