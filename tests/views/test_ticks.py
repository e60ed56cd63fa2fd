"""Ticks as shapes: the same numbers at the same places as those that Matplotlib would draw."""

from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from beadwork.views.figures import STYLE
from beadwork.views.places import Margins, place_axes
from beadwork.views.ticks import bar_numbers, draw_ticks, letters


def toy_axes(low: float, high: float):
    figure = Figure(figsize=(4, 3))
    (axis,) = place_axes(figure, 1, 1, Margins(0.6, 0.4, 0.4, 0.6))
    axis.set_xlim(low, high)
    axis.set_ylim(low, high)
    return figure, axis


def shape(holder, name):
    found = [artist for artist in holder.get_children() if artist.get_gid() == name]
    return found[0].get_path().vertices if found else np.empty((0, 2))


def shown(axis):
    """What Matplotlib itself would write along an axis."""
    low, high = axis.get_view_interval()
    texts = axis.get_major_formatter().format_ticks(axis.get_majorticklocs())
    rounding = 1e-9 * (high - low)
    return [
        (at, text)
        for at, text in zip(axis.get_majorticklocs(), texts, strict=True)
        if low - rounding <= at <= high + rounding
    ]


@pytest.mark.parametrize(("low", "width"), [(0, 1), (-2.5, 5), (3.37, 2.46), (-48.3, 0.61), (12.2, 97), (0, 0.165)])
def test_marks_stand_where_matplotlib_would_draw_them(low, width):
    with mpl.rc_context(STYLE):
        figure, axis = toy_axes(low, low + width)
        axis.ticklabel_format(useOffset=False, style="plain")
        wanted = shown(axis.xaxis), shown(axis.yaxis)
        draw_ticks(axis, grid="#DDDDDD")
    marks = shape(figure, "marks")[::2]
    inches = figure.dpi_scale_trans.inverted()
    columns = inches.transform(axis.transData.transform([(at, low) for at, _ in wanted[0]]))
    lines = inches.transform(axis.transData.transform([(low, at) for at, _ in wanted[1]]))
    np.testing.assert_allclose(marks, np.concatenate([columns, lines]), atol=1e-9)
    assert len(shape(axis, "grid")) == 2 * len(marks)
    outlines = sum(len(letters(text, 9)[0]) for side in wanted for _, text in side)
    assert len(shape(figure, "numbers")) == outlines
    assert not len(axis.get_xticks()) and not len(axis.get_yticks())


@pytest.mark.parametrize("height", [0.6, 1.7, 2.3])
@pytest.mark.parametrize(
    ("low", "width"),
    [(0, 1), (69.4, 32.1), (13.96, 2.3), (0.1047, 0.0853), (0.01164, 0.0035), (-3.3, 7.1), (812, 5300), (1e4, 0.5)],
)
def test_numbers_of_a_bar_are_those_of_a_colour_bar(low, width, height):
    high = low + width
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1, 5))
        axis = figure.add_axes((0.1, 0.1, 0.2, height / 5))
        bar = figure.colorbar(mpl.cm.ScalarMappable(Normalize(low, high)), cax=axis)
        bar.ax.tick_params(labelsize=7)
        bar.formatter.set_useOffset(False)
        bar.formatter.set_scientific(False)
        figure.savefig(BytesIO(), format="svg")
        wanted = shown(bar.ax.yaxis)
        assert bar_numbers(low, high, height) == [(pytest.approx(at, abs=1e-9), text) for at, text in wanted]


def test_no_tick_above_the_highest():
    figure, axis = toy_axes(0.0, 10.0)
    draw_ticks(axis, highest=4.5)
    marks = shape(figure, "marks")[::2]
    beside = marks[marks[:, 0] == marks[:, 0].min()]
    middle = (beside[:, 1].max() - 0.6) / (3 - 0.4 - 0.6) * 10
    assert middle <= 4.5
    assert len(beside) < len(marks) / 2 + 1


def test_axes_without_numbers_get_none():
    figure, axis = toy_axes(0.0, 1.0)
    axis.set_xticks([])
    axis.set_yticks([])
    draw_ticks(axis)
    assert not len(shape(figure, "marks")) and not len(shape(figure, "numbers"))
