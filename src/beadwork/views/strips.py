"""Strip plots, one dot per plate, those that stand out named: where each thing stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

WIDTH, HEIGHT, MARGIN = 640, 74, 14
NAMED = 5
"""Outliers that are named; the others are marked only."""
LINKED = 400
"""Up to this many plates each dot is a link with a title; beyond, dots are one path, so that the page stays small."""


def draw_strip(
    label: str, names: Sequence[str], values: np.ndarray, far: np.ndarray, link: Callable[[str], str]
) -> dict[str, Any]:
    """Place the values of plates on a line, for the macro ``strip`` of ``drawings.html``.

    Parameters
    ----------
    label
        What a screen reader says of the picture.
    far
        Positions of the plates that stand out, the farthest first.
    link
        Address of the page of a plate.
    """
    low, high = float(values.min()), float(values.max())
    x = MARGIN + (values - low) / ((high - low) or 1.0) * (WIDTH - 2 * MARGIN)
    y = 40 + 9 * _spread(len(values))
    middle = MARGIN + (float(np.median(values)) - low) / ((high - low) or 1.0) * (WIDTH - 2 * MARGIN)
    odd = set(far.tolist())
    usual = [place for place in range(len(values)) if place not in odd]
    many = len(values) > LINKED

    def dot(place: int) -> dict[str, str]:
        return {
            "href": link(names[place]), "x": f"{x[place]:.1f}", "y": f"{y[place]:.1f}",
            "title": f"{names[place]}: {number(float(values[place]))}",
        }  # fmt: skip

    return {
        "label": label, "width": WIDTH, "height": HEIGHT, "left": MARGIN, "right": WIDTH - MARGIN,
        "median": f"{middle:.1f}", "low": number(low), "high": number(high),
        "path": "".join(f"M{x[place]:.1f} {y[place]:.1f}h0" for place in usual) if many else "",
        "usual": [] if many else [dot(place) for place in usual],
        "far": [dot(place) for place in far.tolist()],
        "names": _labels([(names[place], float(x[place])) for place in far[:NAMED]]),
    }  # fmt: skip


def number(value: float) -> str:
    """Write a number with three digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _spread(n: int) -> np.ndarray:
    """Heights in -1..1 that keep dots apart: the same for equal numbers of plates."""
    spread: np.ndarray = (np.arange(n) * 0.618033988749895) % 1 * 2 - 1
    return spread


def _labels(named: Sequence[tuple[str, float]]) -> list[dict[str, str]]:
    """Names over the dots, in two rows, left out where they would cover each other."""
    ends = {12.0: -1.0, 24.0: -1.0}
    parts = []
    for name, x in sorted(named, key=lambda item: item[1]):
        width = 6.2 * len(name)
        start = min(max(x - width / 2, 0.0), WIDTH - width)
        for y, end in ends.items():
            if start > end:
                parts.append({"x": f"{start:.1f}", "y": f"{y:g}", "text": name})
                ends[y] = start + width + 8
                break
    return parts
