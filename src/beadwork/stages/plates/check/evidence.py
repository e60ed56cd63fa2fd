"""What each plate of a study is taken for: evidence, settled one by one, the strongest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from beadwork.kernels.plates.placements import (
    N_WELLS,
    paired_t,
    placed_correlations,
    placements,
)
from beadwork.model.beads.plate import BeadSet
from beadwork.model.params import CheckPlatesParams
from beadwork.stages.plates.check.fingerprint import PlateFingerprint

AS_IT_IS = "as it is"
_PLACEMENTS = placements()


class StudyCheck:
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
        # a control that does nothing (reference RNA of the plate's own cell line) shows nothing: mean correlation of
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


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
