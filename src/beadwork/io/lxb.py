"""LXB files, the raw beads of one well: FCS 3.0 as the FlexMap 3D scanner writes it.

A header of fixed width gives the offsets of a TEXT segment, ``/key/value/.../``, which in turn gives the layout of the
DATA segment: one row per bead, one 32-bit unsigned integer per channel.
"""

from __future__ import annotations

import numpy as np

CHANNELS: tuple[tuple[str, str, int], ...] = (
    ("RID", "Region ID", 32768),
    ("DDG", "DD Gate ID", 2),
    ("DBL", "Doublet", 2),
    ("DD", "Doublet Discriminator", 32768),
    ("RP1", "Reporter", 1073741824),
    ("RP1ATT", "Attenuated Reporter", 32768),
    ("CL1", "CL1", 32768),
    ("CL2", "CL2", 32768),
    ("CL3", "CL3", 32768),
    ("Aux1", "Auxiliary1", 32768),
    ("TIME", "TIME", 16777216),
)
"""Channels as the scanner writes them: name, description, range.  The reader takes them from each file instead."""

_TEXT_START, _TEXT_END, _DATA_START = 96, 1039, 13952


def lxb_bytes(
    analyte: np.ndarray,
    reporter: np.ndarray,
    well: str,
    *,
    rng: np.random.Generator | None = None,
    scanner: str = "SIMULATED",
) -> bytes:
    """Write the beads of one well as an LXB file.

    Parameters
    ----------
    analyte
        RID, shape (beads,): 1..500, or 0 for a bead that the scanner could not classify.
    reporter
        RP1, shape (beads,): fluorescence intensity, 0..2^32 - 1.
    well
        ``A01`` or ``A1``; the file says ``A1`` as the scanner does.
    rng
        Shuffles the beads; None keeps their order, which then is the order of acquisition.
    scanner
        Serial number ($CYTSN).

    Returns
    -------
    bytes
        The whole file: header, TEXT at 96..1039, DATA from 13952, and the eight characters of an unused checksum.
    """
    n_beads = len(analyte)
    events = np.zeros((n_beads, len(CHANNELS)), dtype="<u4")
    order = slice(None) if rng is None else rng.permutation(n_beads)
    events[:, 0], events[:, 2], events[:, 4] = analyte[order], 1, reporter[order]
    events[:, 10] = np.arange(n_beads)
    end = _DATA_START + events.nbytes - 1
    keys: dict[str, object] = {"$TOT": f"{n_beads:010d}", "$BEGINANALYSIS": "0" * 10, "$ENDANALYSIS": "0" * 10}
    keys |= {"$BEGINDATA": f"{_DATA_START:010d}", "$ENDDATA": f"{end:010d}", "$BEGINSTEXT": "0" * 10}
    keys |= {"$ENDSTEXT": "0" * 10, "$BYTEORD": "1,2,3,4", "$DATATYPE": "I", "$MODE": "L", "$NEXTDATA": "0" * 10}
    keys["$PAR"] = len(CHANNELS)
    for number, (name, label, span) in enumerate(CHANNELS, start=1):
        keys |= {f"$P{number}B": 32, f"$P{number}E": "0.0,0.0", f"$P{number}R": span}
        keys |= {f"$P{number}N": name, f"$P{number}S": label}
    keys |= {"$TIMESTEP": "0.001000", "$SMNO": f"{well[0]}{int(well[1:])}", "$CYTSN": scanner}
    keys |= {"$CYT": "NextGen", "$OP": "beadwork"}
    text = "/" + "".join(f"{key}/{value}/" for key, value in keys.items())
    assert _TEXT_START + len(text) <= _TEXT_END + 1, "TEXT does not fit its segment"
    offsets = (_TEXT_START, _TEXT_END, _DATA_START, end, 0, 0)
    head = "FCS3.0    " + "".join(f"{offset:>8d}" for offset in offsets)
    return b"".join(((head.ljust(_TEXT_START) + text).ljust(_DATA_START).encode("ascii"), events.tobytes(), b"0" * 8))
