"""Rebuild L1000 (Connectivity Map) signatures from raw Luminex beads.

The package has four floors: ``model`` and ``kernels`` at the bottom, ``stages``, ``io``, ``figures`` and
``simulate`` above them, ``cli`` on top.  Import what you need from the floor you need it from, for example::

    from beadwork.io.gctx import read_matrix
    from beadwork.stages.zscore import zscore
    from beadwork import ConnectivityIndex

Importing ``beadwork`` itself loads nothing heavy.
"""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Objects of :mod:`beadwork.api`, imported when first asked for."""
    if name == "ConnectivityIndex":
        import importlib

        return getattr(importlib.import_module("beadwork.api"), name)
    raise AttributeError(f"module 'beadwork' has no attribute {name!r}")
