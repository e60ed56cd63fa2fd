"""Damage to files: bytes changed, cut, doubled or put in, as transfers and editors do; the same for the same seed."""

from __future__ import annotations

import random

_NUMBERS = (b"0", b"1", b"-1", b"255", b"256", b"65535", b"65536", b"2147483647", b"2147483648", b"4294967295",
           b"4294967296", b"9223372036854775807", b"99999999999999999999", b"1e308", b"1e309", b"nan", b"inf", b"-666",
           b"0x10", b"1_000", b"", b" ")  # fmt: skip
_WORDS = (b"\t", b"\n", b"\r", b"\r\n", b"\x00", b'"', b"#", b"/", b"..", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
         b"\x1f\x8b", b"\x89HDF\r\n\x1a\n", b"#1.3\n", b"FCS3.0", b"$TOT", b"$PAR", "é".encode(), b"\x85")  # fmt: skip


def damage(rng: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    """Damaged content: one of the seeds with one to six changes, or, one time in fifty, random bytes."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.choice((0, 1, 7, 58, 300, 5000)))
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        place = rng.randrange(len(data) + 1) if rng.random() < 0.5 else rng.randrange(min(len(data), 1100) + 1)
        kind = rng.randrange(10)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and place < len(data):
            data[place] = rng.choice((0, 1, 9, 10, 45, 47, 48, 57, 127, 128, 255))
        elif kind == 2:
            del data[place:]
        elif kind == 3:
            del data[place : place + rng.randrange(1, 40)]
        elif kind == 4:
            data[place:place] = rng.choice(_WORDS) * rng.choice((1, 1, 2, 50))
        elif kind == 5:
            data[place:place] = data[place : place + rng.randrange(1, 200)] * rng.choice((1, 2, 30))
        elif kind == 6:
            _replace_number(rng, data, place)
        elif kind == 7:
            size = rng.choice((1, 2, 4, 8))
            value = rng.choice((0, 1, (1 << 8 * size) - 1, 1 << (8 * size - 1), rng.getrandbits(8 * size)))
            data[place : place + size] = value.to_bytes(size, rng.choice(("little", "big")))
        elif kind == 8:
            data[place : place + rng.randrange(1, 16)] = rng.randbytes(rng.randrange(1, 16))
        else:
            other = rng.choice(seeds)
            data[place:] = other[rng.randrange(len(other) + 1) :]
    return bytes(data)


def _replace_number(rng: random.Random, data: bytearray, place: int) -> None:
    """Put another number where the next digits stand."""
    start = place
    while start < len(data) and not 48 <= data[start] <= 57:
        start += 1
    stop = start
    while stop < len(data) and 48 <= data[stop] <= 57:
        stop += 1
    number = rng.choice(_NUMBERS)
    data[start:stop] = number.rjust(stop - start) if rng.random() < 0.5 else number
