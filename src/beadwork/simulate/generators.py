"""Random generators, one for each thing that is drawn."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np


def generator(seed: int, *what: str | int) -> np.random.Generator:
    """Return the generator of one thing: the same whatever else is drawn."""
    return np.random.default_rng([seed, *(_key(item) if isinstance(item, str) else item for item in what)])


@cache
def _key(text: str) -> int:
    return zlib.crc32(text.encode())
