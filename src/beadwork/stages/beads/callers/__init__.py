"""Peak callers, the methods of ``beadwork deconvolve``: one file each, and one entry in this list.

A new method is a module with a record ``METHOD``, its entry here, and its name among the choices of
``DeconvolveParams.method``.
"""

from __future__ import annotations

from beadwork.stages.beads.callers import kmeans, kspeak, mixture
from beadwork.stages.beads.callers.method import AnalyteCalls, Method, PlateMetric

METHODS: dict[str, Method] = {method.name: method for method in (kmeans.METHOD, kspeak.METHOD, mixture.METHOD)}

__all__ = ["METHODS", "AnalyteCalls", "Method", "PlateMetric"]
