"""The library as a notebook uses it: objects that join files and stages, with the words of the commands."""

from beadwork.api.index.answers import QueryResult
from beadwork.api.index.opened import ConnectivityIndex

__all__ = ["ConnectivityIndex", "QueryResult"]
