"""Where the parts of a figure stand, in inches, so that it is drawn once.

Matplotlib's constrained layout draws every figure twice, the first time to measure each text in it, which is most of
the time that a figure takes.  Our figures have the same parts every time, so their margins are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beadwork.model.ids import N_COLUMNS, ROWS
from beadwork.views.ticks import PAD, POINT, Shape, fill_shapes, letters

_TITLE_PAD, _LABEL_SIZE = 3, 7


@dataclass(frozen=True)
class Margins:
    """What is left free around axes, in inches: at the edges of the figure, and between neighbours."""

    left: float
    right: float
    top: float
    bottom: float
    across: float = 0.0
    down: float = 0.0


def place_axes(figure: Figure, lines: int, columns: int, margins: Margins) -> list[Axes]:
    """Axes of equal size, row by row."""
    width, height = (float(size) for size in figure.get_size_inches())
    wide = (width - margins.left - margins.right - (columns - 1) * margins.across) / columns
    high = (height - margins.top - margins.bottom - (lines - 1) * margins.down) / lines
    left = [margins.left + column * (wide + margins.across) for column in range(columns)]
    low = [height - margins.top - (line + 1) * high - line * margins.down for line in range(lines)]
    return [figure.add_axes((x / width, y / height, wide / width, high / height)) for y in low for x in left]


def headline(figure: Figure, text: str) -> None:
    """Write the title of a figure at its upper edge."""
    top = 1 - _TITLE_PAD * POINT / figure.get_size_inches()[1]
    figure.suptitle(text, y=top, fontsize=12, fontweight="bold")


def title(axis: Axes, text: str, pad: float = 6, **font: Any) -> None:
    """Write the title of axes; `pad` points above them, whatever stands there."""
    axis.set_title(text, loc="left", y=1.0, pad=pad, **font)


def labels(axis: Axes, x: str = "", y: str = "", *, below: float = 0.29, beside: float = 0.31) -> None:
    """Name the axes, so many inches below and beside them, whatever the numbers there."""
    width, height = _size(axis)
    if x:
        axis.set_xlabel(x)
        axis.xaxis.set_label_coords(0.5, -below / height)
    if y:
        axis.set_ylabel(y)
        axis.yaxis.set_label_coords(-beside / width, 0.5)


def well_names(figure: Figure, axes: Sequence[Axes], colour: str = "black") -> None:
    """Write the numbers of columns below plates and the letters of rows beside them, as one shape.

    Forty texts a plate, each measured and drawn by itself, would take most of the time of such a figure.
    """
    inches = figure.get_size_inches()
    parts = []
    for axis in axes:
        points, codes = _names_of(*_size(axis))
        parts.append((points + axis.get_position().min * inches, codes))
    fill_shapes(figure, parts, "well_names", colour)


@cache
def _names_of(width: float, height: float) -> Shape:
    """Names of the columns and rows of a plate of a size in inches, from its lower left corner."""
    below = -PAD - letters("1", _LABEL_SIZE)[0][:, 1].max()
    shapes = []
    for column in range(N_COLUMNS):
        points, codes = letters(str(column + 1), _LABEL_SIZE)
        middle = (points[:, 0].min() + points[:, 0].max()) / 2
        shapes.append((points + np.array([(column + 0.5) / N_COLUMNS * width - middle, below]), codes))
    for row, letter in enumerate(ROWS):
        points, codes = letters(letter, _LABEL_SIZE)
        middle = (points[:, 1].min() + points[:, 1].max()) / 2
        up = height * (1 - (row + 0.5) / len(ROWS)) - middle
        shapes.append((points + np.array([-PAD - points[:, 0].max(), up]), codes))
    return np.concatenate([points for points, _ in shapes]), np.concatenate([codes for _, codes in shapes])


def _size(axis: Axes) -> tuple[float, float]:
    """Width and height of axes in inches."""
    place, figure = axis.get_position(), axis.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches()
    return round(float(place.width * width), 4), round(float(place.height * height), 4)
