"""Mistakes that files cannot show: swapped plates, shifted or rotated maps, another bead set, another cell line.

What a plate measures tells what it is.  Wells with the same perturbagen and dose on other plates show which placement
of the map fits (replicates first, positive controls and reference RNA of all other plates besides), the plate's median
profile shows the cell line, and the genes that bead sets keep on different analytes show the bead set.
docs/decisions/0010-plate-check.md says why it is done this way, docs/validation/reliability.md how often it is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.numeric.ranks import MAD_TO_SD
from beadwork.kernels.plates.placements import (
    N_WELLS,
    normal_scores,
    paired_t,
    placed_correlations,
    placements,
    unit_effects,
)
from beadwork.model.beads.plate import BeadSet
from beadwork.model.errors import AlignmentError, name_some
from beadwork.model.ids import WELLS_384, distil_id, format_dose, parse_det_plate
from beadwork.model.matrix import Level, Matrix, check_matrix
from beadwork.model.params import CheckPlatesParams
from beadwork.model.pert_types import is_empty, is_plate_control, is_vehicle
from beadwork.model.qc import join_qc, qc_rows

STAGE = "check_plates"
AS_IT_IS = "as it is"
_PLACEMENTS = placements()
_POSITION = {well: number for number, well in enumerate(WELLS_384)}


@dataclass(frozen=True, eq=False)
class CheckPlatesResult:
    """Verdicts.

    Parameters
    ----------
    table
        One row per plate, see :data:`TABLE_COLUMNS`.
    qc
        QC rows.
    """

    table: pd.DataFrame
    qc: pd.DataFrame


TABLE_COLUMNS = {
    "det_plate": "plate",
    "verdict": "ok, suspected, or not checked (nothing to compare it with)",
    "suspicion": "what seems to be wrong, in words",
    "map_fit": "placement of the map that fits the data",
    "fits_map_of": "plates whose map fits the data better",
    "fits_cell": "cell line whose plates it looks like",
    "fits_bead_set": "bead set that fits the data better",
    "swapped_with": "plate that seems to be swapped with it",
    "replicate_match": "mean correlation of its wells with the same treatments on its replicates, by its own map",
    "control_match": "mean correlation of its control wells with the same controls on other plates, by its own map",
    "cell_match": "median correlation of its median profile with other plates of its cell line",
    "evidence": "t of what is suspected of the map",
}
"""Columns of the table of verdicts."""


@dataclass(frozen=True, eq=False)
class PlateFingerprint:
    """What is kept of a plate: enough to compare it, 1.5 MB for 384 wells.

    Parameters
    ----------
    name, brew, cell, bead_set
        What its annotation says.
    well_rows
        Shape (384,): row of each well in `effects`, -1 if it was not read.
    baseline
        Median normal scores of the genes that plates are compared on, shape (genes,).
    effects
        Shape (wells, genes), see :func:`beadwork.kernels.plates.placements.unit_effects`.
    levels, places
        Median normal score of each of the plate's own genes, by Entrez id and by (analyte, is hi gene).
    labels
        Perturbagen and dose at each position of the map, None for vehicle and unknown wells, shape (384,).
    control, rna
        Whether a position holds a control of any kind, and reference RNA, shape (384,).
    match
        Correlation of each well with the baseline, by well name, reference RNA left out.
    odd
        Normal scores of the wells that are least like the plate.
    """

    name: str
    brew: str
    cell: str
    bead_set: str
    well_rows: np.ndarray
    baseline: np.ndarray
    effects: np.ndarray
    levels: pd.Series
    places: dict[tuple[int, bool], float]
    labels: np.ndarray
    control: np.ndarray
    rna: np.ndarray
    match: pd.Series
    odd: dict[str, np.ndarray]

    @property
    def treatments(self) -> frozenset[str]:
        """Treatments of the plate; plates that share most of them share a map."""
        return frozenset(label for label in self.labels[~self.control] if label)


def compared_genes(rids: Iterable[pd.Index]) -> pd.Index:
    """Genes to compare plates on: those that at least half of the plates have, sorted."""
    counts: dict[str, int] = {}
    n_plates = 0
    for index in rids:
        n_plates += 1
        for rid in index:
            counts[rid] = counts.get(rid, 0) + 1
    return pd.Index(sorted(rid for rid, count in counts.items() if 2 * count >= n_plates), dtype=object)


def make_fingerprint(gex: Matrix, genes: pd.Index, what: str = "matrix") -> PlateFingerprint:
    """Reduce the GEX of one plate to what comparisons need.

    Parameters
    ----------
    gex
        Level 2, with det_well, pert_id, pert_type in the columns, and pr_analyte_num, pr_bset_id in the rows.
    genes
        Genes on which plates are compared, in order; one that the plate lacks counts as average.

    Raises
    ------
    LevelError
        Another level than GEX.
    AlignmentError
        A field is missing, or fewer than half of the genes are there.
    """
    check_matrix(gex, level=Level.GEX, what=what)
    lacking = [name for name in ("det_well", "pert_id", "pert_type") if name not in gex.cols]
    lacking += [name for name in ("pr_analyte_num", "pr_bset_id") if name not in gex.rows]
    if lacking:
        raise AlignmentError(f"{what}: lacks the field(s) {', '.join(lacking)}; give GEX of beadwork deconvolve")
    position = gex.rids.get_indexer(genes)
    if (position >= 0).mean() < 0.5:
        raise AlignmentError(
            f"{what}: has {int((position >= 0).sum())} of the {len(position)} genes of the other plates; "
            "check plates of one platform together"
        )
    scores = normal_scores(gex.values)
    compared = np.where((position >= 0)[:, None], scores[position], np.float32(0))
    baseline, effects = unit_effects(compared)
    kinds = gex.cols["pert_type"].to_numpy(object)
    doses = gex.cols["pert_dose"] if "pert_dose" in gex.cols else [np.nan] * len(kinds)
    well_rows = np.full(N_WELLS, -1)
    labels = np.full(N_WELLS, None, dtype=object)
    control, rna = np.zeros((2, N_WELLS), dtype=bool)
    for row, (well, pert_id, kind, dose) in enumerate(
        zip(gex.cols["det_well"], gex.cols["pert_id"], kinds, doses, strict=True)
    ):
        at = _POSITION[well]
        well_rows[at] = row
        control[at] = is_plate_control(kind)
        rna[at] = is_empty(kind)
        if not is_vehicle(kind) and not pd.isna(pert_id):
            labels[at] = f"{pert_id} {'' if pd.isna(dose) else format_dose(dose)}".strip()
    median = np.median(scores, axis=1).astype(float)
    halves = gex.rows["pr_bset_id"].astype(str)
    is_hi = (halves == min(halves)).tolist()
    places = dict(zip(zip(gex.rows["pr_analyte_num"].astype(int), is_hi, strict=True), median, strict=True))
    match = pd.Series(_correlate(compared.T, baseline), index=gex.cols["det_well"].to_numpy())
    odd = match.index[match < np.median(match) - 0.1]
    parts = parse_det_plate(gex.plate)
    return PlateFingerprint(
        gex.plate, _one(gex, "brew_prefix") or parts.brew_prefix, _one(gex, "cell_id") or parts.cell_id,
        _one(gex, "bead_set"), well_rows, baseline, effects, pd.Series(median, index=gex.rids), places,
        labels, control, rna, match[[not rna[_POSITION[well]] for well in match.index]],
        {well: compared[:, well_rows[_POSITION[well]]] for well in odd},
    )  # fmt: skip


def _one(gex: Matrix, name: str) -> str:
    """Value that all wells of a field share, or an empty string."""
    found = gex.cols[name].dropna().astype(str).unique().tolist() if name in gex.cols else []
    return found[0] if len(found) == 1 else ""


def _correlate(rows: np.ndarray, profile: np.ndarray) -> np.ndarray:
    """Pearson correlation of each row with a profile; 0 where one of them does not vary."""
    rows = rows - rows.mean(axis=-1, keepdims=True)
    profile = profile - profile.mean()
    scale = np.sqrt((rows**2).sum(axis=-1) * (profile**2).sum())
    flat = np.zeros(rows.shape[:-1], dtype=np.float32)
    return np.asarray(np.divide(rows @ profile, scale, out=flat, where=scale > 0))


def check_plates(
    fingerprints: Sequence[PlateFingerprint],
    bead_sets: Sequence[BeadSet] = (),
    *,
    params: CheckPlatesParams = CheckPlatesParams(),  # noqa: B008 (frozen)
) -> CheckPlatesResult:
    """Look for plates that are not what their rows in the plate sheet say.

    Parameters
    ----------
    fingerprints
        Plates of a study (:func:`make_fingerprint`); the more replicates and brews, the more can be seen.
    bead_sets
        Bead sets that a plate could carry instead of its own.

    Raises
    ------
    AlignmentError
        A plate is given twice.

    Notes
    -----
    Suspicions are settled one by one, the strongest first: from then on the plate is taken for what it seems to be, so
    that its replicates are not accused in its place.
    """
    names = [item.name for item in fingerprints]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise AlignmentError(f"plates are given twice: {name_some(twice)}; give each plate once")
    study = _Study(fingerprints, params)
    study.check_bead_sets(bead_sets)
    study.check_cells()
    study.check_maps()
    table = study.table()
    return CheckPlatesResult(table, join_qc([*_plate_rows(table), *study.odd_wells()]))


def _group_maps(fingerprints: Sequence[PlateFingerprint]) -> list[int]:
    """Give plates that share most of their treatments, wherever these lie, the number of one group."""
    group_of_label: dict[str, int] = {}
    groups: list[int] = []
    for item in fingerprints:
        shared = Counter(group_of_label[label] for label in item.treatments if label in group_of_label)
        group, count = shared.most_common(1)[0] if shared else (-1, 0)
        if 2 * count <= len(item.treatments):
            group = max(groups, default=-1) + 1
        for label in item.treatments:
            group_of_label.setdefault(label, group)
        groups.append(group)
    return groups


class _Study:
    """What each plate is taken for, which changes as mistakes are found."""

    def __init__(self, fingerprints: Sequence[PlateFingerprint], params: CheckPlatesParams):
        self.fingerprints, self.params = list(fingerprints), params
        self.own_groups = _group_maps(self.fingerprints)
        self.groups = list(self.own_groups)
        self.labels = [item.labels for item in fingerprints]
        self.cells = [item.cell for item in fingerprints]
        self.foreign = [False] * len(fingerprints)
        """Plates that fit nothing known, with which others are not compared."""
        self.found: list[dict[str, object]] = [{} for _ in fingerprints]
        self.first: dict[int, tuple[float, float]] = {}
        stacked = np.array([item.baseline for item in fingerprints])
        stacked = stacked - stacked.mean(axis=1, keepdims=True)
        stacked /= np.maximum(np.sqrt((stacked**2).sum(axis=1, keepdims=True)), 1e-12)
        self.likeness = stacked @ stacked.T

    # ---- bead sets ----

    def check_bead_sets(self, bead_sets: Sequence[BeadSet]) -> None:
        """Compare the genes that another bead set has on other analytes with the other plates."""
        for number, item in enumerate(self.fingerprints):
            same = [other for other in self.fingerprints if other is not item and other.cell == item.cell]
            others = same or [other for other in self.fingerprints if other is not item]
            if not others:
                continue
            expected = pd.concat([other.levels for other in others[: self.params.max_references]], axis=1).median(
                axis=1
            )
            best = self.params.min_bead_set_rms
            for bead_set in bead_sets:
                rows = bead_set.genes
                keys = zip(rows["pr_analyte_num"].astype(int), rows["pr_bset_id"] == bead_set.hi, strict=True)
                other = pd.Series([item.places.get(key, np.nan) for key in keys], index=rows.index)
                shared = pd.DataFrame({"own": item.levels, "other": other, "expected": expected}).dropna()
                moved = shared[shared["own"] != shared["other"]]
                if len(moved) < self.params.min_bead_set_genes:
                    continue
                now, then = (
                    float(np.sqrt(np.mean((moved[column] - moved["expected"]) ** 2))) for column in ("own", "other")
                )
                if now > best and then < 0.5 * now:
                    best = now
                    self.found[number]["fits_bead_set"] = bead_set.name

    # ---- cell lines ----

    def check_cells(self) -> None:
        """Find plates whose median profile is that of another cell line, the clearest first."""
        n_plates = len(self.fingerprints)
        names = sorted(set(self.cells) - {""})
        likeness = self.likeness.copy()
        np.fill_diagonal(likeness, np.nan)
        is_open = np.ones(n_plates, dtype=bool)
        first = True
        while is_open.any():
            by_cell = self._likeness_by_cell(likeness, names)
            own_cell = np.array([names.index(cell) if cell else -1 for cell in self.cells])
            own = np.where(own_cell >= 0, by_cell[np.arange(n_plates), own_cell], np.nan)
            if first:
                for known in np.flatnonzero(np.isfinite(own)):
                    self.found[known]["cell_match"] = float(own[known])
                first = False
            rivals = by_cell.copy()
            rivals[np.arange(n_plates), own_cell] = np.nan
            rivals = np.where(np.isfinite(rivals), rivals, -1.0)
            gain = np.where(np.isfinite(own) & is_open, rivals.max(axis=1, initial=-1.0) - own, 0.0)
            gain[np.isnan(gain)] = 0.0
            number = int(np.argmax(gain))
            cell = names[int(np.argmax(rivals[number]))] if gain[number] >= self.params.cell_margin else ""
            if not cell:
                number = self._least_alike(likeness, own, is_open)
                if number < 0:
                    break
            is_open[number] = False
            self.cells[number] = cell
            self.found[number]["fits_cell"] = cell or "none of the study"
            self.foreign[number] = not cell

    def _likeness_by_cell(self, likeness: np.ndarray, names: list[str]) -> np.ndarray:
        """Median correlation of each plate's baseline with the other plates of each cell line, (plates, cells)."""
        found = np.full((len(self.fingerprints), len(names)), np.nan)
        for column, name in enumerate(names):
            members = [other for other, cell in enumerate(self.cells) if cell == name and not self.foreign[other]]
            others = likeness[:, members]
            known = np.isfinite(others).any(axis=1)
            if known.any():
                found[known, column] = np.nanmedian(others[known], axis=1)
        return found

    def _least_alike(self, likeness: np.ndarray, own: np.ndarray, is_open: np.ndarray) -> int:
        """Plate that is much less like its cell line than the others are like each other; -1 if there is none."""
        best, found = self.params.foreign_margin, -1
        for number in np.flatnonzero(is_open & np.isfinite(own)):
            members = [
                other
                for other, cell in enumerate(self.cells)
                if other != number and cell == self.cells[number] and not self.foreign[other]
            ][: self.params.max_references]
            if len(members) > 1:
                short = float(np.nanmedian(likeness[np.ix_(members, members)]) - own[number])
                if short >= best:
                    best, found = short, int(number)
        return found

    # ---- maps ----

    def check_maps(self) -> None:
        """Find maps that lie wrongly and plates that are another's, the clearest first."""
        evidence = {number: self._map_evidence(number) for number in range(len(self.fingerprints))}
        open_plates = {number for number in evidence if not self.foreign[number]}
        while open_plates:
            number = max(sorted(open_plates), key=lambda item: evidence[item][0])
            strength, kind, choice = evidence[number]
            if strength < self.params.min_t:
                break
            open_plates.discard(number)
            touched = {self.groups[number]}
            self._accept(number, strength, kind, choice)
            touched.add(self.groups[number])
            for other in open_plates:
                if self.groups[other] in touched:
                    evidence[other] = self._map_evidence(other)
        self._check_shared_maps(open_plates)

    def _accept(self, number: int, strength: float, kind: str, choice: object) -> None:
        self.found[number]["evidence"] = strength
        if kind == "placement":
            self.found[number]["map_fit"] = choice
            place = _PLACEMENTS[str(choice)]
            moved = np.full(N_WELLS, None, dtype=object)
            moved[place[place >= 0]] = self.labels[number][place >= 0]
            self.labels[number] = moved
        else:
            model = int(choice)  # type: ignore[call-overload]
            self.found[number]["fits_map_of"] = self.groups[model]
            self.labels[number], self.groups[number] = self.labels[model], self.groups[model]

    def _siblings(self, number: int, group: int) -> list[int]:
        """Other plates that are taken to hold the treatments of a group, those of the same cell line if there are."""
        others = [
            other
            for other in range(len(self.fingerprints))
            if other != number and self.groups[other] == group and not self.foreign[other]
        ]
        same = [other for other in others if self.cells[other] == self.cells[number]]
        return (same or others)[: self.params.max_references]

    def _strangers(self, number: int) -> tuple[list[int], bool]:
        """Plates of other groups, whose controls can be compared, and whether they are of the same cell line."""
        others = [
            other
            for other in range(len(self.fingerprints))
            if self.groups[other] != self.groups[number] and not self.foreign[other]
        ]
        same = [other for other in others if self.cells[other] == self.cells[number]]
        chosen = same or others
        step = max(len(chosen) // self.params.max_references, 1)
        return chosen[::step][: self.params.max_references], bool(same)

    def _reference(
        self, plates: list[int], labels: np.ndarray, wanted: np.ndarray, control: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean effect of each label over other plates; `wanted` and `control` say which positions of the map count.

        Returns
        -------
        numbers, effects
            Number of the label at each position of the map (-1: not wanted or not known), and effects (labels, genes).
        """
        keys: dict[str, int] = {}
        inert = set(labels[wanted & control]) - {None}
        for label in labels[wanted]:
            if label is not None:
                keys.setdefault(label, len(keys))
        total = np.zeros((len(keys), self.fingerprints[0].effects.shape[1]), dtype=np.float32)
        count = np.zeros(len(keys))
        for plate in plates:
            item = self.fingerprints[plate]
            chosen = [
                (keys[label], row)
                for label, row in zip(self.labels[plate], item.well_rows, strict=True)
                if row >= 0 and label in keys
            ]
            if chosen:
                at, rows = np.array(chosen).T
                np.add.at(total, at, item.effects[rows])
                np.add.at(count, at, 1)
        length = np.sqrt((total**2).sum(axis=1))
        total /= np.maximum(length, 1e-12)[:, None]
        # a control that does nothing (reference RNA of the plate's own cell line) tells nothing: mean correlation of
        # its wells with each other
        alike = (length**2 - count) / np.maximum(count * (count - 1), 1)
        is_inert = np.array([key in inert for key in keys], dtype=bool)
        count[(count >= 4) & (alike < self.params.min_control_gain) & is_inert] = 0
        numbers = np.array(
            [
                keys[label] if want and label is not None and count[keys[label]] else -1
                for label, want in zip(labels, wanted, strict=True)
            ]
        )
        return numbers, total

    def _placed(
        self, number: int, plates: list[int], labels: np.ndarray, wanted: np.ndarray
    ) -> dict[str, np.ndarray] | None:
        """Correlations by position under every placement; None if there is nothing to compare with."""
        if not plates:
            return None
        numbers, effects = self._reference(plates, labels, wanted, self.fingerprints[number].control)
        if (numbers >= 0).sum() < 4:
            return None
        item = self.fingerprints[number]
        correlations = item.effects @ effects.T
        return {
            name: placed_correlations(correlations, numbers, item.well_rows, place)
            for name, place in _PLACEMENTS.items()
        }

    def _controls(self, number: int) -> dict[str, np.ndarray] | None:
        item = self.fingerprints[number]
        plates, same_cell = self._strangers(number)
        wanted = item.control if same_cell else item.control & ~item.rna
        return self._placed(number, plates, self.labels[number], wanted)

    def _map_evidence(self, number: int) -> tuple[float, str, object]:
        """Strongest evidence against a plate's map: its t, ``placement`` or ``plate``, and which."""
        item, params = self.fingerprints[number], self.params
        treated = ~item.control
        siblings = self._placed(
            number, self._siblings(number, self.groups[number]), self.labels[number], np.ones(N_WELLS, dtype=bool)
        )
        controls = self._controls(number)
        own = np.full(N_WELLS, np.nan) if siblings is None else np.where(treated, siblings[AS_IT_IS], np.nan)
        if number not in self.first:
            self.first[number] = tuple(
                np.nan if placed is None else float(_mean(placed[AS_IT_IS])) for placed in (siblings, controls)
            )  # type: ignore[assignment]
        if siblings is None and controls is None:
            return 0.0, "", None
        best: tuple[float, str, object] = (0.0, "", None)
        for name in _PLACEMENTS:
            if name == AS_IT_IS:
                continue
            gain, t = paired_t(siblings[name], siblings[AS_IT_IS]) if siblings else (0.0, 0.0)
            control_gain, control_t = paired_t(controls[name], controls[AS_IT_IS]) if controls else (0.0, 0.0)
            if gain >= params.min_gain or (siblings is None and control_gain >= params.min_control_gain):
                best = max(best, (t + control_t, "placement", name), key=lambda entry: entry[0])
        mean, t = paired_t(own, np.zeros(N_WELLS))
        if siblings is None or mean < params.min_gain or t < params.min_t:
            best = max(best, self._other_map(number, own), key=lambda entry: entry[0])
        return best

    def _other_map(self, number: int, own: np.ndarray) -> tuple[float, str, object]:
        """Whether the wells fit the map of another group of plates better than their own."""
        item = self.fingerprints[number]
        best: tuple[float, str, object] = (0.0, "", None)
        base = own[np.isfinite(own)]
        for group in sorted(set(self.groups) - {self.groups[number]}):
            plates = self._siblings(number, group)
            if not plates:
                continue
            model = self.fingerprints[plates[0]]
            if len(model.treatments & item.treatments) > 0.5 * len(item.treatments):
                continue
            numbers, effects = self._reference(plates, self.labels[plates[0]], ~model.control, model.control)
            found = placed_correlations(item.effects @ effects.T, numbers, item.well_rows, _PLACEMENTS[AS_IT_IS])
            found = found[np.isfinite(found)]
            if len(found) < 4:
                continue
            error = np.sqrt(found.var(ddof=1) / len(found) + (base.var(ddof=1) / len(base) if len(base) > 1 else 0))
            gain = float(found.mean() - (base.mean() if len(base) else 0))
            if gain >= self.params.min_swap_gain:
                best = max(best, (gain / max(float(error), 1e-6), "plate", plates[0]), key=lambda entry: entry[0])
        return best

    def _check_shared_maps(self, open_plates: set[int]) -> None:
        """Find maps that lie wrongly on all replicates alike, which only controls can show, the clearest first."""
        units: dict[tuple[int, str], list[int]] = {}
        for number in sorted(open_plates):
            if self.groups[number] == self.own_groups[number]:
                units.setdefault((self.groups[number], self.cells[number]), []).append(number)
        while units:
            evidence = {unit: self._shared_evidence(members) for unit, members in units.items()}
            unit = max(evidence, key=lambda item: evidence[item][0])
            strength, name = evidence[unit]
            if strength < self.params.min_t:
                break
            for number in units.pop(unit):
                self._accept(number, strength, "placement", name)

    def _shared_evidence(self, members: list[int]) -> tuple[float, str]:
        """Strongest evidence that one placement is right for all replicates: its t over all their controls."""
        placed = [found for number in members if (found := self._controls(number)) is not None]
        best = (0.0, "")
        if placed:
            pooled = {name: np.concatenate([found[name] for found in placed]) for name in _PLACEMENTS}
            for name in _PLACEMENTS:
                gain, t = paired_t(pooled[name], pooled[AS_IT_IS])
                if gain >= self.params.min_control_gain:
                    best = max(best, (t, name))
        return best

    # ---- verdicts ----

    def table(self) -> pd.DataFrame:
        """One row per plate."""
        rows = []
        for number, item in enumerate(self.fingerprints):
            found = self.found[number]
            replicate, control = self.first[number]
            words = self._words(number)
            group = found.get("fits_map_of")
            checked = not (np.isnan(replicate) and np.isnan(control) and "cell_match" not in found)
            rows.append({
                "det_plate": item.name,
                "verdict": "suspected" if words else "ok" if checked else "not checked",
                "suspicion": words,
                "map_fit": found.get("map_fit", AS_IT_IS if checked else ""),
                "fits_map_of": "" if group is None else "|".join(self._names_of_group(group)),
                "fits_cell": found.get("fits_cell", ""),
                "fits_bead_set": found.get("fits_bead_set", ""),
                "swapped_with": "|".join(self._swapped(number)),
                "replicate_match": replicate,
                "control_match": control,
                "cell_match": found.get("cell_match", np.nan),
                "evidence": found.get("evidence", np.nan),
            })  # fmt: skip
        return pd.DataFrame(rows, columns=list(TABLE_COLUMNS))

    def _names_of_group(self, group: object) -> list[str]:
        return [item.name for item, own in zip(self.fingerprints, self.own_groups, strict=True) if own == group]

    def _swapped(self, number: int) -> list[str]:
        """Plates that seem to be what this one should be, while this one seems to be what they should be."""
        mine = (self.own_groups[number], self.fingerprints[number].cell)
        now = (self.groups[number], self.cells[number])
        if mine == now:
            return []
        return [
            item.name
            for other, item in enumerate(self.fingerprints)
            if (self.own_groups[other], item.cell) == now and (self.groups[other], self.cells[other]) == mine
        ]

    def _words(self, number: int) -> str:
        found = self.found[number]
        words = []
        if swapped := self._swapped(number):
            words.append(f"seems to be swapped with {' or '.join(swapped)}")
        if "fits_map_of" in found:
            names = self._names_of_group(found["fits_map_of"])
            words.append(f"its wells hold the treatments of {name_some(names, 3)}")
        if "map_fit" in found:
            words.append(f"its map seems to be {found['map_fit']}")
        if "fits_cell" in found:
            cell = found["fits_cell"]
            own = self.fingerprints[number].cell
            words.append(f"its profile is that of {cell}, not of {own}" if self.cells[number] else
                         f"its profile is unlike the other plates of {own}")  # fmt: skip
        if "fits_bead_set" in found:
            words.append(f"its values fit bead set {found['fits_bead_set']}")
        return "; ".join(words)

    def odd_wells(self) -> list[pd.DataFrame]:
        """QC rows of wells whose profile is not that of their plate."""
        reasons: dict[str, str] = {}
        baselines = {
            cell: np.mean(
                [item.baseline for place, item in enumerate(self.fingerprints) if self.cells[place] == cell], axis=0
            )
            for cell in sorted(set(self.cells) - {""})
        }
        for place, item in enumerate(self.fingerprints):
            if len(item.match) < 4:
                continue
            middle = float(item.match.median())
            spread = MAD_TO_SD * float((item.match - middle).abs().median())
            limit = middle - max(self.params.odd_well_mads * spread, self.params.odd_well_margin)
            for well, likeness in item.match[item.match < limit].items():
                rivals = {
                    cell: float(_correlate(item.odd[well][None, :], baseline)[0])
                    for cell, baseline in baselines.items()
                    if cell != self.cells[place] and well in item.odd
                }
                like = max(rivals, key=lambda cell: rivals[cell], default="")
                more = f"; more like {like} ({rivals[like]:.2f})" if like and rivals[like] > likeness + 0.1 else ""
                reasons[distil_id(item.name, str(well))] = (
                    f"correlates {likeness:.2f} with its plate, where {middle:.2f} is usual{more}"
                )

        return [qc_rows(STAGE, "well_unlike_plate", reasons, passed=False)] if reasons else []


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _plate_rows(table: pd.DataFrame) -> list[pd.DataFrame]:
    by_plate = table.set_index("det_plate")
    rows = [
        qc_rows(STAGE, name, by_plate[name].dropna()) for name in ("replicate_match", "control_match", "cell_match")
    ]
    suspected = by_plate.loc[by_plate["verdict"] == "suspected", "suspicion"]
    return [*rows, qc_rows(STAGE, "plate_suspected", suspected, passed=False)]
