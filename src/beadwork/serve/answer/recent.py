"""What was made last, up to a number and to bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Recent(Generic[Made]):
    """Keeps what was used last; the newest one always.

    Parameters
    ----------
    most
        Things that are kept.
    most_bytes
        What they take together, as far as it is said.

    Examples
    --------
    >>> kept = Recent[str](9, most_bytes=10)
    >>> kept.keep("a", "first", 6), kept.keep("b", "second", 6), kept.get("a")
    ('first', 'second', None)
    """

    def __init__(self, most: int, most_bytes: int | None = None) -> None:
        self.most, self.most_bytes = most, most_bytes
        self._made: OrderedDict[Hashable, tuple[Made, int]] = OrderedDict()
        self._lock, self._bytes = threading.Lock(), 0

    def get(self, key: Hashable) -> Made | None:
        """Return what is kept under this name."""
        with self._lock:
            found = self._made.get(key)
            if found is None:
                return None
            self._made.move_to_end(key)
            return found[0]

    def keep(self, key: Hashable, made: Made, size: int = 0) -> Made:
        """Keep something of this size; returns it."""
        with self._lock:
            self._bytes += size - self._made.pop(key, (made, 0))[1]
            self._made[key] = (made, size)
            while len(self._made) > self.most or (
                self.most_bytes is not None and self._bytes > self.most_bytes and len(self._made) > 1
            ):
                _, (_, gone) = self._made.popitem(last=False)
                self._bytes -= gone
        return made
