"""The library as a notebook uses it: objects that join files and stages, with the words of the commands."""

from beadwork.api.index.opened import ConnectivityIndex, QueryResult

__all__ = ["ConnectivityIndex", "QueryResult"]
