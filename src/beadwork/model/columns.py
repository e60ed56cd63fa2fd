"""What the columns of tables mean: titles and words that the page shows and that stand above its downloads."""

import json
from functools import cache
from importlib.resources import files


@cache
def column_words() -> dict[str, dict[str, str]]:
    """Title and meaning (`help`) of each column by name; annotation fields have more in :mod:`beadwork.model.fields`.

    Examples
    --------
    >>> column_words()["tas"]["title"]
    'TAS'
    """
    words: dict[str, dict[str, str]] = json.loads(files("beadwork.model").joinpath("columns.json").read_text("utf-8"))
    return words
