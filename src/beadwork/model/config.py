"""The configuration of a run, and the rows of its plate sheet.

``config/config.yaml``, its JSON schema and ``docs/reference/configuration.md`` are generated from :class:`Config`; the
sections are the parameter models of the stages, so that a default has one home.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationError

from beadwork.model.errors import MapError, ParameterError, name_some
from beadwork.model.ids import DET_PLATE_PATTERN, parse_det_plate
from beadwork.model.lines import split_lines
from beadwork.model.missing import is_missing
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
)
from beadwork.model.pert_types import is_vehicle

Name = Annotated[str, StringConstraints(pattern=rf"^{DET_PLATE_PATTERN}$")]
"""A name that can stand in a file name."""


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


def _empty_is_none(value: Any) -> Any:
    return None if value is None or is_missing(str(value)) else str(value).strip()


Optional = Annotated[Name | None, BeforeValidator(_empty_is_none)]


class PlateRow(BaseModel, extra="forbid", frozen=True):
    """One row of the plate sheet."""

    det_plate: Name = Field(description="name of the plate, {pert_plate}_{cell}_{time}_{replicate}_{bead batch}")
    lxb: str = Field(min_length=1, description="folder, .tar, .tar.gz or .zip of its .lxb or .lxb.gz files")
    map: str = Field(min_length=1, description="its plate map, tab-separated")
    bead_batch: Optional = Field(None, description="bead batch, if the last part of det_plate does not say it")
    bead_set: Optional = Field(None, description="bead set (epsilon-r2, ...), if the batch table does not say it")
    cell_id: Optional = Field(None, description="cell line, if neither map nor det_plate says it")
    brew_prefix: Optional = Field(
        None, description="plates with the same are replicates; by default the first three parts of det_plate"
    )
    batch: Annotated[str | None, BeforeValidator(_empty_is_none)] = Field(None, description="your own label")
    use: Annotated[Literal["yes", "no"], BeforeValidator(lambda text: str(text).strip().lower() or "yes")] = Field(
        "yes", description="no leaves the plate out"
    )

    @property
    def brew(self) -> str:
        """Name that replicate plates share."""
        return self.brew_prefix or parse_det_plate(self.det_plate).brew_prefix


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
        raise ParameterError(_all_at_once(lines))
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


def _contradictions(config: Config) -> list[str]:
    found = []
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
    key = ".".join(str(part) for part in location)
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), _known_keys(location), n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_known_keys(location))}"
        return f"{source}: {key}: unknown key; {hint}"
    if item["type"] == "missing":
        return f"{source}: {key}: is missing; it must be given"
    return f"{source}: {key}: {_expectation(item)}, not {item['input']!r}"


def _expectation(item: Any) -> str:
    """Say what was expected in the words of the person who reads it."""
    if item["type"] == "string_pattern_mismatch":
        return "must be a name of letters, digits, '.', '-' and '_'"
    if item["type"] in ("model_type", "model_attributes_type"):
        return "must be a section of key: value lines"
    if item["type"] in ("tuple_type", "list_type"):
        return "must be a list"
    message = str(item["msg"]).replace("Input should be", "must be")
    return message[0].lower() + message[1:]


PLATE_COLUMNS: tuple[str, ...] = tuple(PlateRow.model_fields)


def check_plate_rows(
    rows: Iterable[tuple[int, Mapping[str, str]]], source: str, *, data: str = "", files: bool = True,
    unused: bool = False,
) -> list[PlateRow]:  # fmt: skip
    """Check the rows of a plate sheet and return those to use, paths complete; all mistakes at once.

    Parameters
    ----------
    rows
        Line number in the sheet, and cells by column.
    source
        How messages name the sheet.
    data
        Folder from which relative paths start.  Environment variables are filled in, there and in the sheet.
    files
        Whether lxb and map must exist (for plates with use: yes).
    unused
        Whether to return the plates with use: no as well.

    Raises
    ------
    MapError
        One line for each mistake, naming sheet, line, column and what was expected.
    """
    mistakes: list[str] = []
    plates: dict[str, tuple[int, PlateRow]] = {}
    for number, cells in rows:
        where = f"{source}: line {number}"
        try:
            row = PlateRow.model_validate(dict(cells))
        except ValidationError as error:
            mistakes += [_row_mistake(item, where) for item in error.errors()]
            continue
        if row.det_plate in plates:
            first = plates[row.det_plate][0]
            mistakes.append(f"{where}: det_plate {row.det_plate} stands in line {first} already; one row per plate")
            continue
        if row.use == "yes":
            row, problems = _complete_paths(row, data, files)
            mistakes += [f"{where}: {problem}" for problem in problems]
        plates[row.det_plate] = (number, row)
    used = [row for _, row in plates.values() if row.use == "yes"]
    mistakes += _cell_conflicts(used, source)
    if mistakes:
        raise MapError(_all_at_once(mistakes))
    return [row for _, row in plates.values()] if unused else used


MOST_MISTAKES = 20
"""Mistakes that are reported at once; a sheet of thousands of rows can hold as many."""


def _all_at_once(mistakes: Iterable[str]) -> str:
    """Join mistakes, one per line, each once, the first twenty; an absurdly long one is cut."""
    lines = [line if len(line) <= 400 else f"{line[:200]} ... {line[-150:]}" for line in dict.fromkeys(mistakes)]
    more = len(lines) - MOST_MISTAKES
    return "\n".join(lines[:MOST_MISTAKES] + ([f"... and {more} more mistakes"] if more > 0 else []))


def _row_mistake(item: Any, where: str) -> str:
    column = ".".join(str(part) for part in item["loc"] if str(part) in PlateRow.model_fields) or str(item["loc"][0])
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(column, PLATE_COLUMNS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(PLATE_COLUMNS)}"
        return f"{where}: column {column} is unknown; {hint}"
    if item["type"] in ("missing", "string_too_short"):
        return f"{where}: {column} is empty; it must be given"
    return f"{where}: {column}: {_expectation(item)}, not {item['input']!r}"


def _complete_paths(row: PlateRow, data: str, files: bool) -> tuple[PlateRow, list[str]]:
    problems, paths = [], {}
    for column, what in (("lxb", "folder or archive"), ("map", "file")):
        if "\0" in getattr(row, column):
            problems.append(f"{column}: holds a NUL character, which no path can; save the sheet anew as text")
            continue
        text = os.path.expanduser(os.path.expandvars(getattr(row, column)))
        base = os.path.expanduser(os.path.expandvars(data))
        path = os.path.normpath(os.path.join(base, text))
        unknown = re.findall(r"\$\{?(\w+)", path)
        if unknown:
            problems.append(f"{column}: environment variable {unknown[0]} is not set; set it, or write the path out")
        elif files and not (os.path.isfile(path) or (column == "lxb" and os.path.isdir(path))):
            problems.append(f"{column}: there is no {what} {path}; relative paths start from {data or 'the working'}"
                            f"{'' if data else ' directory'}")  # fmt: skip
        paths[column] = path
    return row.model_copy(update=paths), problems


def _cell_conflicts(plates: Iterable[PlateRow], source: str) -> list[str]:
    """Brews whose plates name different cells: they cannot be replicates."""
    cells: dict[str, set[str]] = {}
    for row in plates:
        cell = row.cell_id or parse_det_plate(row.det_plate).cell_id
        cells.setdefault(row.brew, set()).add(cell)
    return [
        f"{source}: brew_prefix {brew} has plates of different cells ({name_some(sorted(found))}); "
        "replicates share one cell"
        for brew, found in cells.items()
        if len(found) > 1
    ]


def parse_plate_sheet(
    text: str, source: str, *, data: str = "", files: bool = True, unused: bool = False
) -> list[PlateRow]:
    """Read the text of a plate sheet: tab-separated, a header line, ``#`` above it and empty lines left out.

    See :func:`check_plate_rows`, which it calls, for the parameters and what is raised; `unused` adds the plates with
    use: no, whose paths stay as they are written.
    """
    lines = [(number, line) for number, line in enumerate(split_lines(text), start=1) if line.strip()]
    while lines and lines[0][1].startswith("#"):
        lines.pop(0)
    required = [name for name, field in PlateRow.model_fields.items() if field.is_required()]
    if not lines:
        raise MapError(f"{source}: is empty; it needs a header line with {', '.join(required)}")
    header = [name.strip() for name in lines[0][1].split("\t")]
    mistakes = []
    for name in required:
        if name not in header:
            hint = "; columns must be separated by tabs" if len(header) == 1 else ""
            mistakes.append(f"{source}: lacks the column {name}{hint}")
    for name in header:
        if name not in PLATE_COLUMNS:
            near = difflib.get_close_matches(name, PLATE_COLUMNS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(PLATE_COLUMNS)}"
            mistakes.append(f"{source}: column {name} is unknown; {hint}")
        elif header.count(name) > 1:
            mistakes.append(f"{source}: column {name} stands {header.count(name)} times; keep one")
    if mistakes:
        raise MapError(_all_at_once(mistakes))
    rows = []
    for number, line in lines[1:]:
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) > len(header):
            mistakes.append(f"{source}: line {number} has {len(cells)} cells, but there are {len(header)} columns")
        rows.append((number, dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))))
    if mistakes:
        raise MapError(_all_at_once(mistakes))
    return check_plate_rows(rows, source, data=data, files=files, unused=unused)


def parse_plate_sheets(
    sheets: Iterable[tuple[str, str]], *, data: str = "", files: bool = True, unused: bool = False
) -> list[PlateRow]:
    """Read several plate sheets as one.

    A plate may stand in a later sheet again, with other files for example, if the earlier ones say use: no.

    Parameters
    ----------
    sheets
        Text of each sheet, and how messages name it.
    data, files, unused
        See :func:`check_plate_rows`.

    Raises
    ------
    MapError
        As :func:`parse_plate_sheet`, for the first sheet that has mistakes; or a plate is to be used from two sheets,
        or plates of one brew name different cells.
    """
    plates: dict[str, tuple[str, PlateRow]] = {}
    mistakes, names = [], []
    for text, source in sheets:
        names.append(source)
        for row in parse_plate_sheet(text, source, data=data, files=files, unused=True):
            first, known = plates.get(row.det_plate, ("", None))
            if known is not None and known.use == "yes" and row.use == "yes":
                mistakes.append(f"{source}: det_plate {row.det_plate} stands in {first} already; say use: no there")
            if known is None or row.use == "yes":
                plates[row.det_plate] = (source, row)
    rows = [row for _, row in plates.values()]
    used = [row for row in rows if row.use == "yes"]
    mistakes += _cell_conflicts(used, ", ".join(names))
    if mistakes:
        raise MapError(_all_at_once(mistakes))
    return rows if unused else used


@dataclass(frozen=True)
class MapCounts:
    """What the workflow needs to know of a plate map beforehand."""

    wells: int
    vehicles: int


def count_wells(text: str, source: str) -> MapCounts:
    """Count the wells of a plate map, and its vehicle wells.

    Raises
    ------
    MapError
        A column that every map needs is missing; the source is named.
    """
    lines = [line for line in split_lines(text) if line.strip()]
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    header = [name.strip().strip('"') for name in lines[0].split("\t")] if lines else []
    absent = [name for name in ("pert_id", "pert_type") if name not in header]
    if not {"rna_well", "det_well", "well_position"} & set(header):
        absent.insert(0, "rna_well (or det_well, well_position)")
    if absent:
        raise MapError(f"{source}: lacks the column(s) {', '.join(absent)}; a plate map is tab-separated with a header")
    position = header.index("pert_type")
    types = [line.split("\t")[position].strip().strip('"') for line in lines[1:] if line.count("\t") >= position]
    return MapCounts(wells=len(lines) - 1, vehicles=sum(map(is_vehicle, types)))
