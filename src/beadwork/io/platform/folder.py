"""Where the shipped resources are."""

from functools import cache
from pathlib import Path

from beadwork.model.errors import FileError, name_some


@cache
def resources_folder() -> Path:
    """Folder of the shipped resources: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[2]
    for candidate in (package / "resources", package.parent.parent / "resources"):
        if candidate.is_dir():
            return candidate
    raise RuntimeError("the resources folder is missing from this installation")


def resource_path(name: str) -> Path:
    """Path of a shipped resource by file name.

    Raises
    ------
    FileError
        Naming the resources that there are.
    """
    path = resources_folder() / name
    if not path.is_file():
        there = sorted(item.name for item in resources_folder().iterdir() if item.is_file())
        raise FileError(f"no resource {name!r}; there are {name_some(there, 20)}")
    return path
