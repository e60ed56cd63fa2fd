"""Values as GCTX holds them, one sample after the other, until they are needed gene by gene.

Turning a matrix takes longer than reading it, and who goes sample by sample needs it not.
"""

from __future__ import annotations

import mmap
import threading

import numpy as np

PORTION = 512
"""Samples that are turned at a time: what fits into the cache of a processor."""
LARGE = 64 << 20
"""Bytes from which on memory is given back while values are turned."""


class SampleMajor:
    """Values as float32 (samples, genes), to be filled once; :meth:`turned` gives (genes, samples).

    Turning a large matrix gives its memory back portion by portion, so that there are never two of it; unless someone
    else looks at it (:meth:`shared`).
    """

    def __init__(self, n_samples: int, n_genes: int) -> None:
        size = 4 * n_samples * n_genes
        self._memory: mmap.mmap | None = None
        self._lock, self._shared = threading.Lock(), False
        self._turned: np.ndarray | None = None
        if size >= LARGE and hasattr(mmap, "MADV_DONTNEED"):
            self._memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            if hasattr(mmap, "MADV_HUGEPAGE"):
                self._memory.madvise(mmap.MADV_HUGEPAGE)
            self.values: np.ndarray | None = np.frombuffer(self._memory, np.float32).reshape(n_samples, n_genes)
        else:
            self.values = np.empty((n_samples, n_genes), np.float32)
        self.shape = (n_genes, n_samples)

    def shared(self) -> np.ndarray:
        """Values as (samples, genes), read-only, to be kept as long as one likes."""
        with self._lock:
            if self.values is None:
                assert self._turned is not None
                return self._turned.T
            self._shared = True
            view = self.values.view()
            view.flags.writeable = False
            return view

    def turned(self) -> np.ndarray:
        """Values as (genes, samples), C order, read-only; made once, whoever asks."""
        with self._lock:
            if self._turned is None:
                self._turned = self._turn()
                self._turned.flags.writeable = False
                self.values = self._memory = None
            return self._turned

    def _turn(self) -> np.ndarray:
        assert self.values is not None
        found = np.empty(self.shape, np.float32)
        n_genes, n_samples = self.shape
        given = 0
        for start in range(0, n_samples, PORTION):
            stop = min(start + PORTION, n_samples)
            found[:, start:stop] = self.values[start:stop].T
            if self._memory is not None and not self._shared:
                done = 4 * stop * n_genes // mmap.PAGESIZE * mmap.PAGESIZE
                if done - given >= LARGE:
                    self._memory.madvise(mmap.MADV_DONTNEED, given, done - given)
                    given = done
        return found
