"""Parameters of every stage: the one home of each default, bound, description and reference.

Function defaults, command-line flags, the default configuration, its JSON schema and the documentation all come from
these models.  Unknown keys are refused.
"""

from __future__ import annotations

from beadwork.model.params.base import (
    SUBRAMANIAN_2017,
    Params,
    ParamsType,
    expectation,
    explain_validation,
    flag_name,
    former_names,
    make_params,
    place_of,
    plain_type,
    render_flags,
)
from beadwork.model.params.beads import DeconvolveParams
from beadwork.model.params.connectivity import (
    ContrastParams,
    GraphParams,
    HowSureParams,
    IndexParams,
    MapParams,
    QueryParams,
    RepurposingParams,
    SignatureParams,
)
from beadwork.model.params.levels import (
    ConsensusParams,
    DenoiseParams,
    InferParams,
    NormalizeParams,
    TrainInferenceParams,
    TrainNoiseParams,
    ZscoreParams,
)
from beadwork.model.params.plates import CheckPlatesParams
from beadwork.model.params.simulate import MEASURED_BEADS, MEASURED_CPC006, SimulateParams
from beadwork.model.params.steps import PLATE_STEPS, plate_names

__all__ = [
    "MEASURED_BEADS",
    "MEASURED_CPC006",
    "PLATE_STEPS",
    "SUBRAMANIAN_2017",
    "CheckPlatesParams",
    "ConsensusParams",
    "ContrastParams",
    "DeconvolveParams",
    "DenoiseParams",
    "GraphParams",
    "HowSureParams",
    "IndexParams",
    "InferParams",
    "MapParams",
    "NormalizeParams",
    "Params",
    "ParamsType",
    "QueryParams",
    "RepurposingParams",
    "SignatureParams",
    "SimulateParams",
    "TrainInferenceParams",
    "TrainNoiseParams",
    "ZscoreParams",
    "expectation",
    "explain_validation",
    "flag_name",
    "former_names",
    "make_params",
    "place_of",
    "plain_type",
    "plate_names",
    "render_flags",
]
