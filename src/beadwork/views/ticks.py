"""Ticks drawn as two shapes, the marks and the numbers, and colour bars with them.

For each tick Matplotlib makes three lines and two texts, and measures and draws each by itself: most of the time that a
figure takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import AxesImage
from matplotlib.patches import PathPatch, Polygon
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.ticker import Formatter, MaxNLocator, ScalarFormatter

Shape = tuple[np.ndarray, np.ndarray]
"""Points of an outline in inches, and what each of them is (codes of Matplotlib)."""
POINT = 1 / 72
"""A point in inches."""
PAD = 3.5 * POINT
"""Between a mark, or axes without marks, and the number."""
_MARK = 3.5 * POINT
_MARK_WIDTH = 0.8
_ASCENT = 0.76
"""Height of a line of text above its base, in sizes of the font."""
_SIZE, _BAR_SIZE = 9, 7
_EXTEND = 0.05
"""Height of each end of a colour bar, in heights of what is between them."""


@cache
def letters(text: str, size: float) -> Shape:
    """Outline of a text whose base begins at the origin."""
    drawn = TextPath((0, 0), text, size=size, prop=FontProperties(family="DejaVu Sans"))
    return np.asarray(drawn.vertices) * POINT, np.asarray(drawn.codes)


def fill_shapes(figure: Figure, shapes: Sequence[Shape], name: str, colour: str = "black") -> None:
    """Draw outlines of texts as one shape."""
    path = Path(np.concatenate([points for points, _ in shapes]), np.concatenate([codes for _, codes in shapes]))
    _add(figure, PathPatch(path, facecolor=colour, linewidth=0), name)


def draw_ticks(axis: Axes, *, grid: str | None = None, highest: float = np.inf) -> None:
    """Draw the ticks that axes would have now; afterwards they have none of their own.

    Parameters
    ----------
    axis
        Axes with their final limits.
    grid
        Colour of lines across the axes at each tick; None: no lines.
    highest
        No tick of the vertical axis stands above it.
    """
    figure = _figure(axis)
    width, height = figure.get_size_inches()
    place = axis.get_position()
    left, right, low, high = place.x0 * width, place.x1 * width, place.y0 * height, place.y1 * height
    columns = _ticks(axis.xaxis, axis.get_xlim(), left, right)
    lines = _ticks(axis.yaxis, axis.get_ylim(), low, high, highest)
    marks = [[(x, low), (x, low - _MARK)] for x, _ in columns] + [[(left, y), (left - _MARK, y)] for y, _ in lines]
    shapes = [_written(text, x, low - _MARK - PAD - _ASCENT * _SIZE * POINT, 0.5) for x, text in columns]
    shapes += [_beside(text, left - _MARK - PAD, y, 1.0) for y, text in lines]
    if grid is not None:
        across = [[(x, low), (x, high)] for x, _ in columns] + [[(left, y), (right, y)] for y, _ in lines]
        _stroke(axis, figure, across, "grid", edgecolor=grid, linewidth=0.4, zorder=0.5)
    _stroke(figure, figure, marks, "marks", edgecolor="black", linewidth=_MARK_WIDTH)
    if shapes:
        fill_shapes(figure, shapes, "numbers")
    axis.set_xticks([])
    axis.set_yticks([])


def colour_bar(axis: Axes, drawn: Any, words: str = "", *, ends: bool = True) -> None:
    """Draw a colour bar beside axes, a fifth shorter than they are; `ends`: colours go on beyond it."""
    figure = _figure(axis)
    width, height = figure.get_size_inches()
    place = axis.get_position()
    tall = 0.8 * place.height * height
    left, low = place.x1 * width + 0.05, (place.y0 + 0.1 * place.height) * height
    right, high = left + tall / 20, low + tall
    colours = drawn.get_cmap()(np.linspace(0, 1, 256))
    if ends:
        tip = tall * _EXTEND / (1 + 2 * _EXTEND)
        low, high = low + tip, high - tip
        for base, top, colour in ((low, low - tip, colours[0]), (high, high + tip, colours[-1])):
            _add(figure, Polygon([(left, base), ((left + right) / 2, top), (right, base)], facecolor=colour,
                                 linewidth=0, antialiased=False), "end")  # fmt: skip
    bar = AxesImage(axis, extent=(left, right, low, high), origin="lower", interpolation="none")
    bar.set_data(colours[:, None])
    bar.set_transform(figure.dpi_scale_trans)
    axis.add_image(bar)
    bar.set_clip_on(False)
    first, last = drawn.get_clim()
    numbers = bar_numbers(first, last, high - low)
    at = [(low + (value - first) / (last - first) * (high - low), text) for value, text in numbers]
    _stroke(figure, figure, [[(right, y), (right + _MARK, y)] for y, _ in at], "marks", edgecolor="black",
            linewidth=_MARK_WIDTH)  # fmt: skip
    shapes = [_beside(text, right + _MARK + PAD, y, 0.0, _BAR_SIZE) for y, text in at]
    fill_shapes(figure, shapes, "numbers")
    if words:
        beyond = max(points[:, 0].max() for points, _ in shapes) + 4 * POINT
        figure.text(beyond / width, (low + high) / 2 / height, words, fontsize=8, rotation=90, ha="left", va="center")


def bar_numbers(low: float, high: float, height: float) -> list[tuple[float, str]]:
    """Round numbers for a colour bar of a height in inches, as many as can be read, with their texts."""
    most = min(9, max(1, int(height / (2 * _BAR_SIZE * POINT))))
    values = np.asarray(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
    kept: list[float] = values[_inside((values - low) / (high - low))].tolist()
    formatter = ScalarFormatter()
    formatter.create_dummy_axis()
    formatter.axis.set_view_interval(low, high)  # type: ignore[union-attr]
    return list(zip(kept, _texts(formatter, kept), strict=True))


def _ticks(
    along: Axis, limits: tuple[float, float], start: float, end: float, highest: float = np.inf
) -> list[tuple[float, str]]:
    """Where the ticks of an axis within its limits stand between `start` and `end` (inches), and their texts."""
    values = np.asarray(along.get_majorticklocs(), dtype=float)
    parts = (values - limits[0]) / (limits[1] - limits[0])
    kept = _inside(parts) & (values <= highest)
    texts = _texts(along.get_major_formatter(), values[kept].tolist())
    return list(zip((start + parts[kept] * (end - start)).tolist(), texts, strict=True))


def _inside(parts: np.ndarray) -> np.ndarray:
    """Whether parts of the way along an axis are on it, give or take a rounding."""
    on_it: np.ndarray = (parts >= -1e-9) & (parts <= 1 + 1e-9)
    return on_it


def _texts(formatter: Formatter, values: list[float]) -> list[str]:
    """Numbers as texts, none with a factor of its own beside the axes."""
    if isinstance(formatter, ScalarFormatter):
        formatter.set_useOffset(False)
        formatter.set_scientific(False)
    return formatter.format_ticks(values)


def _written(text: str, x: float, y: float, before: float, size: float = _SIZE) -> Shape:
    """Text on a base at height y, this part of its width before x."""
    points, codes = letters(text, size)
    ends = points[:, 0].min(), points[:, 0].max()
    return points + np.array([x - ends[0] - before * (ends[1] - ends[0]), y]), codes


def _beside(text: str, x: float, y: float, before: float, size: float = _SIZE) -> Shape:
    return _written(text, x, y - 0.5 * _ASCENT * size * POINT, before, size)


def _stroke(holder: Figure | Axes, figure: Figure, lines: list[Any], name: str, **style: Any) -> None:
    """Draw straight lines, given in inches, as one shape."""
    if lines:
        path = Path(np.array(lines).reshape(-1, 2), [Path.MOVETO, Path.LINETO] * len(lines))
        _add(holder, PathPatch(path, facecolor="none", transform=figure.dpi_scale_trans, **style), name)


def _add(holder: Figure | Axes, drawn: Artist, name: str) -> None:
    if not drawn.is_transform_set():
        drawn.set_transform(_figure(holder).dpi_scale_trans)
    drawn.set_gid(name)
    holder.add_artist(drawn)
    drawn.set_clip_on(False)


def _figure(holder: Figure | Axes) -> Figure:
    if isinstance(holder, Figure):
        return holder
    figure = holder.get_figure(root=True)
    assert figure is not None
    return figure
