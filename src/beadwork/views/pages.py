"""Pages from templates: the one home of their engine, styles and scripts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from beadwork import __version__

FOLDER = Path(__file__).parent
ASSETS = ("page.css", "page.js")
"""Style and script of all pages; pages that lie beside others link to them, pages on their own carry them."""


def render(template: str, **context: Any) -> str:
    """Fill a template; everything that is not markup of a template is escaped.

    Parameters
    ----------
    template
        Name of a file in ``templates``.
    context
        What the template names. ``root``: way to the folder that holds ``assets``; None for a page on its own.
    """
    text: str = _engine().get_template(template).render(version=__version__, **context)
    return text


def asset(name: str) -> str:
    """Text of one of :data:`ASSETS`."""
    return (FOLDER / "assets" / name).read_text(encoding="utf-8")


def plain(item: Any) -> str:
    """Text of an item; nothing where it is missing."""
    return "" if item is None or item != item else str(item)


def decimals(value: float, digits: int = 2) -> str:
    """Write a number with so many decimals and a true minus sign, never "-0"."""
    if value != value:
        return "NA"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def decimals_of(values: Sequence[float], digits: int = 2) -> list[str]:
    """Write a column of numbers as :func:`decimals` does, much faster."""
    zero = f"{-0.0:.{digits}f}"
    other = {"nan": "NA", zero: zero[1:]}
    texts = (f"%.{digits}f " * len(values) % tuple(values)).split()
    return [other.get(text) or text.replace("-", "\N{MINUS SIGN}") for text in texts]


def significant(value: float) -> str:
    """Write a small number with two digits."""
    return "NA" if value != value else f"{value:.2g}"


def fill(pattern: str, columns: Sequence[Sequence[str]]) -> Any:
    """Repeat markup for each row, its cells in the place of ``%s``: many times faster than a loop of the template.

    Cells are escaped, a column at a time.
    """
    import markupsafe

    cells = [_escaped(column) for column in columns]
    return markupsafe.Markup("".join([pattern % row for row in zip(*cells, strict=True)]))


_BETWEEN = "\x1f"


def _escaped(texts: Sequence[str]) -> list[str]:
    import markupsafe

    parts = str(markupsafe.escape(_BETWEEN.join(texts))).split(_BETWEEN) if texts else []
    return parts if len(parts) == len(texts) else [str(markupsafe.escape(text)) for text in texts]


@cache
def _engine() -> Any:
    import jinja2
    import markupsafe

    engine = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    engine.filters |= {"plain": plain, "decimals": decimals, "significant": significant, "thousands": "{:,}".format}
    engine.globals["fill"] = fill
    engine.globals["asset"] = lambda name: markupsafe.Markup(asset(name))  # our own files, nobody's input
    return engine
