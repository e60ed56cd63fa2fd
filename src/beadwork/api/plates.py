"""One plate from beads to z-scores: what the commands of the levels do one after the other, in one process."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from beadwork.api.matrix_files import StoredMatrix
from beadwork.api.plate_level_2 import PlateFields, archived_step, deconvolve_step, relabelled_step
from beadwork.api.plate_record import PlateRecord
from beadwork.api.plate_steps import Made, Step, denoise_step, infer_step, normalize_step, zscore_step
from beadwork.io.files.scratch import remove_unfinished
from beadwork.io.files.tables import read_table, write_table
from beadwork.io.files.text import read_text
from beadwork.io.matrix.formats import write_matrix
from beadwork.model.errors import FileError, ParameterError, agree, name_some
from beadwork.model.matrix import Matrix
from beadwork.model.params import DeconvolveParams, DenoiseParams, InferParams, NormalizeParams, ZscoreParams
from beadwork.model.plates.sheet import count_wells
from beadwork.model.qc import join_qc

log = logging.getLogger("beadwork")
_TABLES = ("CURVES",)
_NOT_ALWAYS = ("SD", "ODDS", "INFSD", "RELIABILITY", "ZSVC")
"""Matrices that a plate has with some methods and options only."""


@dataclass(frozen=True)
class PlateParams:
    """Parameters of all steps of a plate, and which steps there are.

    Parameters
    ----------
    zsvc
        Whether to make ZSVC too, where the map has enough vehicle wells.
    zsnc
        Whether to make ZSNC too.
    zscore_sd
        Whether z-scores of values less sure than their gene usually is become smaller.
    reliability
        Whether to write the reliability of the scores, by which signatures can be weighed.
    reference, model, noise
        Files of your own: reference levels of LISS, inference model, noise model; None: what ships.
    """

    deconvolve: DeconvolveParams = field(default_factory=DeconvolveParams)
    normalize: NormalizeParams = field(default_factory=NormalizeParams)
    infer: InferParams = field(default_factory=InferParams)
    zscore: ZscoreParams = field(default_factory=ZscoreParams)
    denoise: DenoiseParams = field(default_factory=DenoiseParams)
    zsvc: bool = True
    zsnc: bool = False
    zscore_sd: bool = False
    reliability: bool = False
    reference: Path | None = None
    model: Path | None = None
    noise: Path | None = None


@dataclass(frozen=True, eq=False)
class PlateResult:
    """Levels of a plate, read when they are asked for first if they were there already.

    ``result["QNORM"]`` is a level by its name, ``result.levels`` are the names there are.
    """

    det_plate: str
    files: Mapping[str, StoredMatrix]
    curves: pd.DataFrame
    qc_by_step: Mapping[str, pd.DataFrame]
    reused: tuple[str, ...] = ()

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the matrices: GEX, CAL, SUPPORT, ..., ZSPC."""
        return tuple(self.files)

    def __getitem__(self, name: str) -> Matrix:
        if name not in self.files:
            raise KeyError(f"{self.det_plate} has no {name}; it has {', '.join(self.files)}")
        return self.files[name].matrix

    def _get(self, name: str) -> Matrix | None:
        return self[name] if name in self.files else None

    @property
    def gex(self) -> Matrix:
        """Level 2, linear FI."""
        return self["GEX"]

    @property
    def calibrators(self) -> Matrix:
        """The ten calibrators, linear FI."""
        return self["CAL"]

    @property
    def support(self) -> Matrix:
        """Beads behind each value of GEX."""
        return self["SUPPORT"]

    @property
    def sd(self) -> Matrix | None:
        """Uncertainty of each value of GEX, log2; None if the method gives none."""
        return self._get("SD")

    @property
    def odds(self) -> Matrix | None:
        """Odds that a gene is not its partner; None if the method gives none."""
        return self._get("ODDS")

    @property
    def norm(self) -> Matrix:
        """Level 3, scaled."""
        return self["NORM"]

    @property
    def qnorm(self) -> Matrix:
        """Level 3, quantile-normalised."""
        return self["QNORM"]

    @property
    def inf(self) -> Matrix:
        """Level 3, all genes."""
        return self["INF"]

    @property
    def inf_sd(self) -> Matrix | None:
        """Uncertainty of each value of INF; None if z-scores were not asked to use it."""
        return self._get("INFSD")

    @property
    def zspc(self) -> Matrix:
        """Level 4, against all wells of the plate."""
        return self["ZSPC"]

    @property
    def zsvc(self) -> Matrix | None:
        """Level 4, against the vehicle wells; None if the map has too few."""
        return self._get("ZSVC")

    @property
    def zsnc(self) -> Matrix | None:
        """Level 4, noise controlled; None if it was not asked for."""
        return self._get("ZSNC")

    @property
    def reliability(self) -> Matrix | None:
        """Reliability of the scores; None if it was not asked for."""
        return self._get("RELIABILITY")

    @property
    def qc(self) -> pd.DataFrame:
        """QC rows of all steps."""
        return join_qc(list(self.qc_by_step.values()))

    def __repr__(self) -> str:
        return f"<PlateResult {self.det_plate}: {', '.join(self.files)}; {len(self.qc)} QC rows>"


def process_plate(
    lxb: str | Path,
    map: str | Path,
    *,
    folder: str | Path | None = None,
    params: PlateParams | None = None,
    threads: int = 1,
    archived: bool = False,
    keep_older: bool = False,
    **given: Any,
) -> PlateResult:
    """Turn the beads of a plate into z-scores, each level in hand.

    Parameters
    ----------
    lxb
        Folder, .tar, .tar.gz or .zip of .lxb or .lxb.gz files.
    map
        Plate map, tab-separated.
    folder
        Where to write all levels, as ``{plate}_GEX.gctx`` and so on, and ``qc/{step}.tsv``; a step whose files are
        there and whole, made of the same inputs with the same parameters, is not done again.  None: write nothing.
    params
        Parameters of the steps; None: the defaults.
    archived
        Whether the beads need not be there: level 2 in `folder`, made of them, is taken, and labels or a map that
        changed are joined to it.
    keep_older
        Whether what versions of other compatibility numbers made counts as whole.
    given
        What is said of the plate: plate, bead_batch, beadset, ratio, cell_id, brew_prefix, batch
        (:class:`beadwork.api.plate_level_2.PlateFields`).

    Returns
    -------
    PlateResult
        The matrices and QC rows that the single commands give, to the bit.

    Raises
    ------
    BeadworkError
        As the single commands.
    """
    lxb, map = Path(lxb), Path(map)
    params = params or PlateParams()
    _check(params)
    own = tempfile.TemporaryDirectory(prefix="beadwork-") if folder is None else nullcontext(str(folder))
    with own as place:
        result = _Run(Path(place), params, keep_older).plate(lxb, map, PlateFields(**given), threads, archived)
        for stored in result.files.values() if folder is None else ():
            _ = stored.matrix
    return result


def _check(params: PlateParams) -> None:
    """Refuse what cannot work before any work is done."""
    from beadwork.io.platform.bead_sets import read_liss_reference
    from beadwork.io.platform.inference_model import read_inference_model
    from beadwork.io.platform.noise_model import read_noise_model
    from beadwork.stages.beads.callers import METHODS

    if (params.zscore_sd or params.reliability) and not METHODS[params.deconvolve.method].has_sd:
        able = ", ".join(name for name, method in METHODS.items() if method.has_sd)
        raise ParameterError(
            f"method {params.deconvolve.method} gives no uncertainty, which z-scores were asked to use; choose a "
            f"method that does ({able})"
        )
    if params.reference is not None and params.normalize.scaling == "liss":
        read_liss_reference(str(params.reference))
    if params.model is not None:
        read_inference_model(params.model)
    if params.noise is not None and params.zsnc:
        read_noise_model(params.noise)


class _Run:
    """The steps of one plate into one folder."""

    def __init__(self, folder: Path, params: PlateParams, keep_older: bool) -> None:
        if folder.exists() and not folder.is_dir():
            raise FileError(f"{folder}: is a file, but the folder of a plate is needed; choose another name")
        self.folder, self.params = folder, params
        self.record = PlateRecord(folder, keep_older)
        self.files: dict[str, StoredMatrix] = {}
        self.tables: dict[str, pd.DataFrame] = {}
        self.qc: dict[str, pd.DataFrame] = {}
        self.reused: list[str] = []

    def plate(self, lxb: Path, map_path: Path, given: PlateFields, threads: int, archived: bool) -> PlateResult:
        """Do all steps in order."""
        params, files = self.params, self.files
        remove_unfinished(self.folder, self.folder / "qc")
        log.info("%s: step deconvolve", given.plate or lxb)
        known = self.record.known("deconvolve")
        if archived and known is None:
            raise FileError(f"{self.folder}: has no level 2 of this plate, whose beads are archived; bring {lxb} back")
        if archived and known is not None:
            self.name, step = archived_step(lxb, map_path, given, params.deconvolve, known)
        else:
            self.name, step = deconvolve_step(lxb, map_path, given, params.deconvolve, threads=threads)
        vehicles = count_wells(read_text(map_path, "a plate map is tab-separated text"), str(map_path)).vehicles
        self.do("deconvolve", step, map_path=map_path)
        del step  # and its beads
        self.do(
            "normalize",
            normalize_step(files["GEX"], files["CAL"], params.normalize, reference=params.reference),
        )
        uses_sd = params.zscore_sd or params.reliability
        noise = files["SD"] if uses_sd else None
        step = infer_step(files["QNORM"], params.infer, model=params.model, with_sd=uses_sd, measured_sd=noise)
        self.do("infer", step)
        sd = files["INFSD"] if uses_sd else None
        shrink = params.zscore_sd or not params.reliability
        step = zscore_step(files["INF"], params.zscore, sd=sd, shrink=shrink)
        self.do("zscore", step, leave_out=() if params.reliability else ("RELIABILITY",))
        if params.zsvc and vehicles >= params.zscore.min_population:
            step = zscore_step(
                files["INF"],
                params.zscore,
                population="vehicle",
                if_few="missing",
                sd=sd if params.zscore_sd else None,
            )
            self.do("zscore_vehicle", step, leave_out=("RELIABILITY",))
        if params.zsnc:
            self.do("denoise", denoise_step(files["ZSPC"], params.denoise, noise=params.noise))
        self.say_what_is_left()
        return PlateResult(self.name, files, self.tables["CURVES"], self.qc, tuple(self.reused))

    def say_what_is_left(self) -> None:
        """Name files of an earlier run that this one was not asked for: they are not of the levels beside them."""
        names = [*_NOT_ALWAYS, *(["ZSNC"] if self.record.known("denoise") else [])]
        left = [item for item in names if item not in self.files and self._path(item).is_file()]
        if left and len(self.reused) < len(self.qc):
            log.warning(
                "%s: %s of an earlier run %s still there, beside levels that were made anew; remove %s if not needed",
                self.name, name_some(left), agree(len(left), "is"), agree(len(left), "it"),
            )  # fmt: skip

    def do(self, name: str, step: Step, leave_out: tuple[str, ...] = (), map_path: Path | None = None) -> None:
        """Do one step, unless its files are there and whole."""
        log.info("%s: step %s", self.name, name)
        qc = self.folder / "qc" / f"{name}.tsv"
        paths = {item: self._path(item) for item in step.names if item not in leave_out}
        made_by = {"record": step.record, "beside": step.beside}
        digests = self.record.whole(name, made_by, [*paths.values(), qc])
        if digests is not None:
            log.info("%s: %s is there and whole; it is not done again", self.name, name)
            self.reused.append(name)
            self.qc[name] = read_table(qc)
            self.tables |= {item: read_table(path) for item, path in paths.items() if item in _TABLES}
            self.files |= {
                item: StoredMatrix(path, digest=digests[path]) for item, path in paths.items() if item not in _TABLES
            }
            return
        made = self._relabelled(step, map_path, paths, qc) if map_path is not None else None
        made = made or step.make()
        self.record.forget(name)
        matrices = {item: matrix for item, matrix in made.matrices.items() if item in paths}
        for item, matrix in matrices.items():
            write_matrix(matrix, paths[item])
        for item, table in made.tables.items():
            write_table(table, paths[item])
        write_table(made.qc, qc)
        record = next(iter(matrices.values())).provenance if map_path is not None else step.record
        digests = self.record.done(name, {**made_by, "record": record}, [*paths.values(), qc])
        self.qc[name] = made.qc
        self.tables |= made.tables
        self.files |= {
            item: StoredMatrix(paths[item], matrix, digests[paths[item]]) for item, matrix in matrices.items()
        }

    def _relabelled(self, step: Step, map_path: Path, paths: dict[str, Path], qc: Path) -> Made | None:
        """Level 2 that is there, with other labels."""
        known = self.record.known("deconvolve")
        if known is None or self.record.whole("deconvolve", known, [*paths.values(), qc]) is None:
            return None
        files = {item: StoredMatrix(path) for item, path in paths.items()}
        made = relabelled_step(step, known, files, read_table(qc), map_path, keep=self.record.keep)
        if made is not None:
            log.info("%s: labels or map have changed; level 2 is not computed again", self.name)
        return made

    def _path(self, item: str) -> Path:
        return self.folder / f"{self.name}_{item}.{'tsv' if item in _TABLES else 'gctx'}"
