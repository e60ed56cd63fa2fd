"""Steps of one plate, and the names of their flags where one command takes them all."""

from __future__ import annotations

from beadwork.model.params.base import Params
from beadwork.model.params.beads import DeconvolveParams
from beadwork.model.params.levels import DenoiseParams, InferParams, NormalizeParams, ZscoreParams

PLATE_STEPS: dict[str, type[Params]] = {
    "deconvolve": DeconvolveParams,
    "normalize": NormalizeParams,
    "infer": InferParams,
    "zscore": ZscoreParams,
    "denoise": DenoiseParams,
}
"""Steps of one plate and their parameters, by section of the configuration."""


def plate_names(section: str) -> dict[str, str]:
    """Names of the flags of `beadwork plate` for those fields of a step that another step has too: section_field."""
    others = {name for other, model in PLATE_STEPS.items() if other != section for name in model.model_fields}
    return {name: f"{section}_{name}" for name in PLATE_STEPS[section].model_fields if name in others}
