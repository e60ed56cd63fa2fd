"""Compatibility numbers: what a step makes under one number has the same bytes, whatever the version of the program.

A number is raised when the bytes of a step change for the same inputs and parameters, and only then.  Each file carries
the number of its step in its record; results of different numbers do not mix without a word.

The shipped tables that a step depends on belong to its number.  Where one was edited (its checksum is not the one
below), the records of the steps that use it name it, so that what was made with another content is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COMPATIBILITY: dict[str, int] = {
    "deconvolve": 1,
    "normalize": 1,
    "infer": 1,
    "zscore": 1,
    "denoise": 1,
    "consensus": 1,
    "index": 1,
    "check-plates": 1,
    "collect": 1,
}
"""Number of each step, by the command that does it."""

RECORDED = ("deconvolve", "normalize", "infer", "zscore", "denoise", "consensus")
"""Steps whose matrices carry their number; that of an index stands in its manifest if it is not 1."""

SHIPPED: dict[str, str] = {
    "bead_batches.tsv": "573259215ae28c8fb1bcaba58b0a1d03",
    "beadset_deltap-r1.tsv": "253383fd8ca1e0b2b030ce289235eb1a",
    "beadset_epsilon-r1.tsv": "8c20b5fb3a86e452118e84c4524911e1",
    "beadset_epsilon-r2.tsv": "b731cd25a3a988b726db81e13f7534ef",
    "genes.tsv": "f70c53529cc5500586e9aabc0473cc87",
    "inference_default.h5": "b5cd91bfcc93515b64b4b82ed65ff7cb",
    "liss_reference_epsilon.tsv": "932876836b082c85687332d24ec22b14",
    "noise_default.h5": "44971caa49eefa3db63438b30a151a74",
}
"""Checksums (BLAKE2b, 16 bytes) of the tables that bytes of steps depend on, as they ship."""
BEAD_BATCHES, GENES, LISS = "bead_batches.tsv", "genes.tsv", "liss_reference_epsilon.tsv"
INFERENCE, NOISE = "inference_default.h5", "noise_default.h5"


def bead_set_table(name: str | None) -> str:
    """Shipped table of a bead set."""
    return f"beadset_{(name or '').lower()}.tsv"


def compatibility_of(record: Mapping[str, Any]) -> int:
    """Compatibility number of a record; files from before there were any count as 1."""
    return int(record.get("compatibility", 1))


def comparable(record: Mapping[str, Any], keep: bool = False) -> dict[str, Any]:
    """Return what of a record decides whether a file would be made the same way again.

    Parameters
    ----------
    keep
        Whether files of other compatibility numbers count as the same.
    """
    plain = {key: value for key, value in record.items() if key not in ("version", "compatibility", "history")}
    if not keep:
        plain["compatibility"] = compatibility_of(record)
    plain["history"] = [comparable(step, keep) for step in record.get("history", ())]
    return plain
