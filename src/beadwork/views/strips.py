"""Strip plots as small SVG texts: one dot a plate, those that stand out named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT, MARGIN = 640, 74, 14
NAMED = 5
"""Outliers that are named; the others are marked only."""
LINKED = 400
"""Up to this many plates each dot is a link with a title; beyond, dots are one path, so that the page stays small."""


def strip_svg(label: str, names: Sequence[str], values: np.ndarray, far: np.ndarray, link: Callable[[str], str]) -> str:
    """Draw the values of plates on a line.

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
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">',
        f'<line class="axis" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="56" y2="56"/>',
        f'<line class="median" x1="{middle:.1f}" x2="{middle:.1f}" y1="26" y2="56"/>',
        f'<text class="end" x="{MARGIN}" y="71">{number(low)}</text>',
        f'<text class="end" x="{WIDTH - MARGIN}" y="71" text-anchor="end">{number(high)}</text>',
    ]
    odd = set(far.tolist())
    usual = [place for place in range(len(values)) if place not in odd]
    if len(values) > LINKED:
        dots = "".join(f"M{x[place]:.1f} {y[place]:.1f}h0" for place in usual)
        parts.append(f'<path class="dots" d="{dots}"/>')
    else:
        parts += [_dot(names[place], values[place], x[place], y[place], "dot", link) for place in usual]
    parts += [_dot(names[place], values[place], x[place], y[place], "dot far", link) for place in far]
    parts += _labels([(names[place], float(x[place])) for place in far[:NAMED]])
    return "".join([*parts, "</svg>"])


def number(value: float) -> str:
    """Write a number with three digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _spread(n: int) -> np.ndarray:
    """Heights in -1..1 that keep dots apart: the same for equal numbers of plates."""
    spread: np.ndarray = (np.arange(n) * 0.618033988749895) % 1 * 2 - 1
    return spread


def _dot(name: str, value: float, x: float, y: float, kind: str, link: Callable[[str], str]) -> str:
    title = f"<title>{escape(name)}: {number(float(value))}</title>"
    return (
        f'<a href="{escape(link(name))}"><circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.2">{title}</circle></a>'
    )


def _labels(named: Sequence[tuple[str, float]]) -> list[str]:
    """Names over the dots, in two rows, left out where they would cover each other."""
    ends = {12.0: -1.0, 24.0: -1.0}
    parts = []
    for name, x in sorted(named, key=lambda item: item[1]):
        width = 6.2 * len(name)
        start = min(max(x - width / 2, 0.0), WIDTH - width)
        for y, end in ends.items():
            if start > end:
                parts.append(f'<text class="name" x="{start:.1f}" y="{y:g}">{escape(name)}</text>')
                ends[y] = start + width + 8
                break
    return parts
