"""What an HDF5 file does not hold itself: values that lie elsewhere, or that nobody wrote.

HDF5 follows links to other files, reads parts of any file as values (external storage), puts datasets together from
others (virtual), and gives zeros for what was never written, all without a word.  Whoever made such a file could show
us any file that the user may read, so beadwork reads what the file itself holds and refuses the rest.
"""

from __future__ import annotations

import math

import h5py

from beadwork.model.errors import FileError

FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scale-offset", 32000: "lzf",
           32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd", 32026: "blosc2"}  # fmt: skip
_INSIDE = "write the file anew with its values inside"
_MOST_LINKS = 16


def find_member(
    file: h5py.File, name: str, path: object, tree: str = "/", *, holder: h5py.Group | None = None
) -> h5py.Dataset | h5py.Group | None:
    """Object of a file by its name, which may lead through links within `tree` of the same file; None if absent.

    Parameters
    ----------
    holder
        The group that holds it, where that was found before, so that it is not sought for each of its members.

    Raises
    ------
    FileError
        A link leads to another file, out of `tree`, or to nothing; or the object lies in another file.
    """
    place: h5py.Group = file if holder is None else holder
    parts, followed, inside = _parts(name), 0, place.name
    parts = parts if holder is None else parts[-1:]
    while parts:
        part = parts.pop(0)
        key = part.encode("utf-8", "surrogateescape")
        if not isinstance(place, h5py.Group) or not place.id.links.exists(key):
            return None
        kind = place.id.links.get_info(key).type
        if kind == h5py.h5l.TYPE_HARD:
            place, inside = place[part], f"{inside.rstrip('/')}/{part}"
            continue
        if kind != h5py.h5l.TYPE_SOFT:
            other = place.id.links.get_val(key)[0] if kind == h5py.h5l.TYPE_EXTERNAL else b"by a link of a strange kind"
            raise FileError(f"{path}: {name} lies in another file ({other.decode('utf-8', 'replace')}); {_INSIDE}")
        followed += 1
        text = place.id.links.get_val(key).decode("utf-8", "surrogateescape")
        target = text if text.startswith("/") else f"{inside.rstrip('/')}/{text}"
        if followed > _MOST_LINKS or not f"{target}/".startswith(f"{tree.rstrip('/')}/"):
            raise FileError(f"{path}: {name} is a link to {target}, out of the matrix; {_INSIDE}")
        parts, place, inside = [*_parts(target), *parts], file, "/"
    if h5py.h5o.get_info(place.id).fileno != h5py.h5o.get_info(file.id).fileno:
        raise FileError(f"{path}: {name} lies in another file; {_INSIDE}")
    return place


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def check_members(file: h5py.File, path: object) -> None:
    """Refuse a file one of whose datasets, at its root, does not hold its own values."""
    for name in file:
        member = find_member(file, name, path)
        if isinstance(member, h5py.Dataset):
            check_content(member, path)


def check_content(data: h5py.Dataset, path: object) -> None:
    """Refuse a dataset whose values are not all in the file, or cannot be unpacked here.

    Raises
    ------
    FileError
        External or virtual storage, parts that were never written, or a filter that is not there.
    """
    name = data.name.lstrip("/")
    plan = data.id.get_create_plist()
    if data.shape is None:
        raise FileError(f"{path}: {name} holds nothing; fetch or make the file anew")
    if plan.get_external_count():
        other = plan.get_external(0)[0]
        raise FileError(
            f"{path}: the values of {name} lie in another file ({other.decode('utf-8', 'replace')}); {_INSIDE}"
        )
    if plan.get_layout() == h5py.h5d.VIRTUAL:
        other = ", ".join(sorted({plan.get_virtual_filename(at) for at in range(min(plan.get_virtual_count(), 3))}))
        raise FileError(f"{path}: {name} is put together from other data ({other}); {_INSIDE}")
    for place in range(plan.get_nfilters()):
        code = plan.get_filter(place)[0]
        if not h5py.h5z.filter_avail(code):
            raise FileError(
                f"{path}: {name} is packed by {FILTERS.get(code, f'filter {code}')}, which cannot be unpacked here; "
                "pack it by gzip (h5repack -f GZIP=4)"
            )
    if not data.size:
        return
    if plan.get_layout() == h5py.h5d.CHUNKED:
        chunks = math.prod(-(-size // chunk) for size, chunk in zip(data.shape, data.chunks, strict=True))
        written = data.id.get_num_chunks()
        if written < chunks:
            raise FileError(
                f"{path}: {name} was never written in whole ({written:,} of {chunks:,} parts are there); "
                "fetch or make the file anew"
            )
    elif plan.get_layout() == h5py.h5d.CONTIGUOUS and not data.id.get_storage_size():
        raise FileError(f"{path}: {name} was never written; fetch or make the file anew")
