"""Rebuild L1000 (Connectivity Map) signatures from raw Luminex beads.

The package has floors: ``model`` and ``kernels`` at the bottom; ``stages``, ``io``, ``views`` and ``simulate`` above
them; then ``api``; ``cli`` and ``serve`` on top.  Each floor has the same wings: ``beads``, ``levels``,
``connectivity`` and ``plates``.  Import what you need from the floor you need it from, for example::

    from beadwork.io.matrix.formats import read_matrix
    from beadwork.stages.levels.zscore import zscore
    from beadwork import Client, ConnectivityIndex, process_plate

Importing ``beadwork`` itself loads nothing heavy.
"""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Objects of :mod:`beadwork.api`, imported when first asked for."""
    if name in ("Client", "ConnectivityIndex", "process_plate"):
        import importlib

        return getattr(importlib.import_module("beadwork.api"), name)
    raise AttributeError(f"module 'beadwork' has no attribute {name!r}")
