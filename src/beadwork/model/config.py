"""The configuration of a run.

``config/config.yaml``, its JSON schema and ``docs/reference/configuration.md`` are generated from :class:`Config`; the
sections are the parameter models of the stages, so that a default has one home.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from beadwork.model.errors import ParameterError, all_at_once
from beadwork.model.params import (
    CheckPlatesParams,
    ConsensusParams,
    DeconvolveParams,
    DenoiseParams,
    IndexParams,
    InferParams,
    NormalizeParams,
    Params,
    QueryParams,
    TrainNoiseParams,
    ZscoreParams,
    expectation,
    place_of,
)
from beadwork.model.plates.sheet import BRACES, Name


class InferSection(InferParams):
    """Landmarks to all genes."""

    model: str | None = Field(
        None, description="inference model: a file of `beadwork train-inference`, or CMap's OLS weights; empty: ours"
    )


class QueryItem(Params):
    """One query: gene sets, from GMT or GRP files, to be scored against the index."""

    name: Name = Field(description="name of its folder under results/queries")
    up: str = Field(description="GMT or GRP file of genes that go up")
    down: str | None = Field(None, description="GMT or GRP file of genes that go down")


def _joined(value: Any) -> Any:
    """Take a list of names for one text, as it may stand in YAML."""
    texts = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    return ",".join(value) if texts else value


def _off(value: Any) -> Any:
    """YAML reads off as false."""
    return "off" if value is False or value is None or value == "" else value


class Config(Params):
    """Everything that can be set for a run of the workflow."""

    plates: Annotated[str, BeforeValidator(_joined)] = Field(
        "config/plates.tsv",
        description="plate sheet, one row per plate (see config/README.md); several sheets, one per batch for example, "
        "separated by commas or as a list",
    )
    data: str = Field(
        "", description="folder from which relative paths in the plate sheet start; empty: the working directory"
    )
    results: str = Field("results", description="folder of all results, logs and benchmarks")
    zsvc: bool = Field(True, description="also make ZSVC of the plates whose map has enough vehicle wells")
    stages: Literal["plate", "separate"] = Field(
        "plate",
        description="plate: one job makes all levels of a plate; separate: one job for each stage, for those who "
        "develop a stage; the files are the same",
    )
    group_plates: bool = Field(
        False,
        description="several plates in one job of a cluster, as many as `--group-components plates=4` says (the "
        "profiles say 4): for small plates and slow schedulers",
    )
    local_study: int = Field(
        50,
        ge=0,
        description="plate check, index and queries of a study of up to so many plates run where Snakemake runs, not "
        "as jobs of a batch system, in whose queue they would wait longer than they work; 0: always as jobs",
    )
    on_upgrade: Literal["keep", "rerun", "refuse"] = Field(
        "keep",
        description="plates that a version made whose bytes differ from those of this one (its compatibility numbers): "
        "keep them, and say where they will mix with new ones; rerun them; or refuse to mix them",
    )
    strict: bool = Field(
        False,
        description="true: a plate that fails ends the run before index, QC and report are made; false: they are made "
        "of the other plates, and results/failed.tsv says what failed",
    )
    report: bool = Field(True, description="also draw the figures of the report")
    zscore_sd: bool = Field(
        False,
        description="z-scores of values less sure than their gene usually is become smaller, of measured and inferred "
        "genes (needs a method with uncertainty: mixture)",
    )
    consensus_sd: bool = Field(
        False,
        description="signatures weigh each gene, measured or inferred, by how sure its replicates are (needs a method "
        "with uncertainty: mixture)",
    )
    noise: Annotated[str, BeforeValidator(_off)] = Field(
        "off",
        description="noise control: also make ZSNC, MNZ and an index of them; off, default (the model that ships and "
        "each plate's own wells), own (a model of the plates of the first run, kept) or a file of `train-noise`",
    )
    queries: tuple[QueryItem, ...] = Field(
        (), description="queries to answer: a list of {name, up, down}; up and down are GMT or GRP files"
    )
    deconvolve: DeconvolveParams = Field(DeconvolveParams(), description="level 1 to 2: beads to one value per gene")
    normalize: NormalizeParams = Field(
        NormalizeParams(), description="level 2 to 3: scaling, outlier wells, quantile normalisation"
    )
    infer: InferSection = Field(InferSection(), description="level 3: landmarks to all genes")
    zscore: ZscoreParams = Field(ZscoreParams(), description="level 3 to 4: robust z-scores")
    consensus: ConsensusParams = Field(ConsensusParams(), description="level 4 to 5: signatures from replicates")
    train_noise: TrainNoiseParams = Field(TrainNoiseParams(), description="noise that wells share, for noise: own")
    denoise: DenoiseParams = Field(DenoiseParams(), description="level 4 without that noise, unless noise is off")
    check_plates: CheckPlatesParams = Field(
        CheckPlatesParams(), description="search for swapped plates, shifted maps, wrong bead sets and cell lines"
    )
    index: IndexParams = Field(IndexParams(), description="the connectivity index")
    query: QueryParams = Field(QueryParams(), description="scores of queries against the index")

    @property
    def sheets(self) -> tuple[str, ...]:
        """Plate sheets, in order."""
        return tuple(name.strip() for name in self.plates.split(",") if name.strip())


SECTIONS: dict[str, type[Params]] = {
    "deconvolve": DeconvolveParams,
    "normalize": NormalizeParams,
    "infer": InferSection,
    "zscore": ZscoreParams,
    "consensus": ConsensusParams,
    "train_noise": TrainNoiseParams,
    "denoise": DenoiseParams,
    "check_plates": CheckPlatesParams,
    "index": IndexParams,
    "query": QueryParams,
}
"""Sections of the configuration that are the flags of a command, by command."""


def check_config(values: Mapping[str, Any], source: str = "config") -> Config:
    """Build the configuration; all mistakes come at once, one line each.

    Raises
    ------
    ParameterError
        Each line names the source, the key, what was expected, and a near name for an unknown key.
    """
    plain = {key: {} if value is None and key in SECTIONS else value for key, value in values.items()}
    lines = []
    config = None
    try:
        config = Config.model_validate(_lists_as_tuples(plain))
    except ValidationError as error:
        lines = [_config_mistake(item, source) for item in error.errors()]
    if config is not None:
        lines = [f"{source}: {mistake}" for mistake in _contradictions(config)]
    if lines or config is None:
        raise ParameterError(all_at_once(lines))
    return config


def _lists_as_tuples(value: Any) -> Any:
    """Take a comma-separated text where a list is expected, as on the command line."""
    section_fields = {
        (section, name)
        for section, model in SECTIONS.items()
        for name, field in model.model_fields.items()
        if isinstance(field.default, tuple)
    }
    result = dict(value)
    for section, name in section_fields:
        table = result.get(section)
        if isinstance(table, Mapping) and isinstance(table.get(name), str):
            parts = tuple(part.strip() for part in table[name].split(",") if part.strip())
            result[section] = {**table, name: parts}
    return result


def _braces(value: Any, location: tuple[int | str, ...] = ()) -> list[str]:
    """Say which texts of a configuration, paths all of them, hold braces."""
    if isinstance(value, str):
        return [f"{place_of(location)}: {value} {BRACES}"] if "{" in value or "}" in value else []
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    return [line for name, item in items for line in _braces(item, (*location, name))]


def _contradictions(config: Config) -> list[str]:
    found = _braces(config.model_dump())
    names = [query.name for query in config.queries]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(f"queries: the name {name} stands {names.count(name)} times; give each query a name of its own")
    if not config.deconvolve.gives_sd:
        found += [
            f"{name}: needs uncertainties, which deconvolve.method {config.deconvolve.method} does not give; set "
            f"deconvolve.method to mixture, or {name} to false"
            for name in ("zscore_sd", "consensus_sd")
            if getattr(config, name)
        ]
    rank = {"LM": 0, "BING": 1, "AIG": 2}
    if config.index.space != "auto" and rank[config.index.space] > rank[config.infer.space]:
        found.append(
            f"index.space: {config.index.space} needs more genes than infer.space {config.infer.space} gives; "
            "set index.space to auto"
        )
    return found


def _known_keys(location: Sequence[Any]) -> list[str]:
    """Names that are allowed where an unknown key was found."""
    if len(location) == 1:
        return list(Config.model_fields)
    model = SECTIONS.get(str(location[0]), QueryItem if location[0] == "queries" else Config)
    return list(model.model_fields)


def _config_mistake(item: Any, source: str) -> str:
    location = item["loc"]
    key = place_of(location)
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), _known_keys(location), n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_known_keys(location))}"
        return f"{source}: {key}: unknown key; {hint}"
    if item["type"] == "missing":
        return f"{source}: {key}: is missing; it must be given"
    return f"{source}: {key}: {expectation(item)}, not {item['input']!r}"
