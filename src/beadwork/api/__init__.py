"""The library as a notebook uses it: objects that join files and stages, with the words of the commands."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beadwork.api.client import Client
    from beadwork.api.index.asking.answers import QueryResult
    from beadwork.api.index.opened import ConnectivityIndex
    from beadwork.api.plates import PlateParams, PlateResult, process_plate

__all__ = ["Client", "ConnectivityIndex", "PlateParams", "PlateResult", "QueryResult", "process_plate"]
_HOMES = {
    "Client": "beadwork.api.client",
    "ConnectivityIndex": "beadwork.api.index.opened",
    "PlateParams": "beadwork.api.plates",
    "PlateResult": "beadwork.api.plates",
    "QueryResult": "beadwork.api.index.asking.answers",
    "process_plate": "beadwork.api.plates",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more: a plate needs nothing of the index."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
