"""The library that ships: small, public, real; for a first look and for tutorials."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from beadwork import __version__
from beadwork.api.index.writing.build import build_index
from beadwork.io.connectivity.index.layout import MANIFEST
from beadwork.io.files.digest import digest_file
from beadwork.io.platform.folder import resource_path
from beadwork.model.params import IndexParams

FILE = "starter_library.gctx.gz"
WORDS = (
    "no index named: the starter library is asked; its {n} public signatures show how answers look, and cannot rank "
    "drugs in general (docs/tutorials/ask-an-index.md says more)"
)
DETAILS = (
    "The starter library holds {n} public signatures of 978 measured genes: 3 drugs (replicates merged) in 65 "
    "contexts, 355 compounds of one plate at one dose, and 29 of another, most of them kinase inhibitors, in dose "
    "series (both single replicates, A375 cells). It finds strong, common effects; it says nothing of mechanisms (no "
    "table of them may ship), knows no inferred genes and no genetic perturbation. `beadwork library build` makes an "
    "index of LINCS."
)


def starter_index(threads: int = 1) -> Path:
    """Folder of the index of the starter library, which is built at the first call and kept for the next.

    It stands in the user's cache (``XDG_CACHE_HOME``), or where that cannot be written, in a temporary folder.
    """
    source = resource_path(FILE)
    name = f"starter-{__version__}-{digest_file(source).rpartition(':')[2][:12]}"
    for parent in _caches():
        target = parent / "beadwork" / name
        if (target / MANIFEST).exists():
            return target
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(target.parent, os.W_OK):
            build_index(target, [source], params=IndexParams(), overwrite=True, threads=threads)
            return target
    target = Path(tempfile.mkdtemp(prefix="beadwork-")) / name
    build_index(target, [source], params=IndexParams(), threads=threads)
    return target


def starter_words(n_signatures: int) -> str:
    """Say what is asked, in one line."""
    return WORDS.format(n=n_signatures)


def starter_details(n_signatures: int) -> str:
    """Say what the starter library can and cannot answer."""
    return DETAILS.format(n=n_signatures)


def _caches() -> list[Path]:
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return [Path(given) if given else Path.home() / ".cache"]
    except RuntimeError:
        return []
