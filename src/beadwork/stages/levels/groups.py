"""Which wells are replicates of one signature, and what the signature is called."""

from __future__ import annotations

import logging
import unicodedata

import numpy as np
import pandas as pd

from beadwork.model.errors import BeadworkError, counted, name_some
from beadwork.model.fields import field_kind
from beadwork.model.ids import format_dose, parse_det_plate, parse_well
from beadwork.model.levels.wells import plain_text, plate_names, well_names
from beadwork.model.params import ConsensusParams
from beadwork.model.pert_types import is_null, type_mask
from beadwork.model.quantities import UNIT_FIELDS, plain_unit, read_quantities

log = logging.getLogger("beadwork.consensus")
MAY_BE_ABSENT = ("pert_dose", "pert_dose_unit", "pert_time")
"""Fields of --group-by that a matrix need not have: all its values count as missing."""
SAME_NUMBER = 1e-5
"""Numbers that differ by less than this share are one: 0.37 is 0.369999, as programs round."""
_WELL_FIELDS = ("det_well", "rna_well", "well_position")


def with_plate(cols: pd.DataFrame) -> pd.DataFrame:
    """Column fields with det_plate as text: its own, else from the ids."""
    plates = plate_names(cols)
    from_id = pd.Series([str(name).rpartition(":")[0] for name in cols.index], index=cols.index, dtype=object)
    return cols.assign(det_plate=plates.where(plates != "", from_id))


def with_brew(cols: pd.DataFrame) -> pd.DataFrame:
    """Column fields with brew_prefix, taken from the plate's name where it is missing."""
    known = cols["brew_prefix"] if "brew_prefix" in cols else pd.Series(np.nan, index=cols.index, dtype=object)
    if known.notna().all():
        return cols
    plates = cols["det_plate"].astype(str)
    brews = {name: parse_det_plate(name).brew_prefix if name else np.nan for name in plates.unique()}
    return cols.assign(brew_prefix=known.astype(object).where(known.notna(), plates.map(brews)))


def read_doses(cols: pd.DataFrame) -> pd.DataFrame:
    """Fields of wells with doses and times as numbers, read value by value; what was read from texts is reported.

    Raises
    ------
    BeadworkError
        A dose or time is no plain number; the message names plate, well and value.
    """
    where = [f"{plate or '?'}:{well}" for plate, well in zip(plate_names(cols), well_names(cols), strict=True)]
    found, read = read_quantities(cols, where)
    if read:
        log.warning("texts read as numbers: %s", name_some(read))
    return found


def group_instances(cols: pd.DataFrame, params: ConsensusParams) -> tuple[np.ndarray, pd.DataFrame]:
    """Group instances into signatures.

    Returns the group code of each instance (0.. in order of first appearance) and a table with the ``sig_id`` of each
    group.  Missing equals missing.

    Raises
    ------
    BeadworkError
        A field is absent, or an instance has no pert_id or brew_prefix although it is grouped by it.
    """
    absent = [name for name in params.group_by if name not in cols and name not in MAY_BE_ABSENT]
    if absent:
        raise BeadworkError(
            f"--group-by: the z-scores have no column field {', '.join(absent)}; "
            f"they have {name_some(cols.columns, 30)}"
        )
    keys = pd.DataFrame({name: field_key(cols, name) for name in params.group_by}, index=cols.index)
    for name in {"pert_id", "brew_prefix"} & set(params.group_by):
        empty = cols.index[keys[name] == ""]
        if len(empty):
            raise BeadworkError(
                f"{name} is missing for {counted(len(empty), 'well')} ({name_some(empty)}); give it in the "
                f"plate map, or leave "
                f"{name} out of --group-by"
            )
    keys["well"] = _control_wells(cols) if params.split_controls else ""
    group, first = _codes(keys)
    shown = pd.DataFrame({name: _shown(cols.iloc[first], name, keys[name].iloc[first]) for name in keys.columns})
    return group, pd.DataFrame({"sig_id": _sig_ids(shown.reset_index(drop=True), params)})


def _codes(keys: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    joined = keys.agg("\x1f".join, axis=1) if len(keys.columns) > 1 else keys.iloc[:, 0]
    codes, uniques = pd.factorize(joined)
    return codes.astype(np.int64), np.searchsorted(np.maximum.accumulate(codes), np.arange(len(uniques)))


def field_key(cols: pd.DataFrame, name: str) -> pd.Series:
    """Values of a field as texts that are equal where the values are one thing; missing is the empty text.

    Doses, times and other measures are equal within ``SAME_NUMBER``, and a number equals the text that says it.
    Spellings of one unit are equal (:func:`beadwork.model.quantities.plain_unit`), as are ``A1`` and ``A01``, and texts
    that Unicode takes for one (NFKC: full-width letters, the forms of an accent, kinds of blanks).
    """
    if name not in cols:
        return pd.Series("", index=cols.index)
    column = cols[name]
    if pd.api.types.is_numeric_dtype(column) and field_kind(name) is float:
        return _one_number(column.map(format_dose).astype(object))
    kind = plain_unit if name in UNIT_FIELDS.values() else _plain_well if name in _WELL_FIELDS else _plain
    return column.map(lambda item: kind(_text(item))).astype(object)


def _text(item: object) -> str:
    """Text of a value: a whole number with all its digits, another one with six."""
    fraction = isinstance(item, float | np.floating) and not float(item).is_integer()
    return format_dose(item) if fraction else plain_text(item)  # type: ignore[arg-type]


def _plain(text: str) -> str:
    return text if text.isascii() else " ".join(unicodedata.normalize("NFKC", text).split())


def _plain_well(text: str) -> str:
    return parse_well(text) or _plain(text)


def _one_number(texts: pd.Series) -> pd.Series:
    """Numbers as texts, with one text, the shortest, for those that are equal but for rounding."""
    distinct = sorted((text for text in texts.unique() if text), key=float)
    runs: list[list[str]] = []
    for text in distinct:
        last = float(runs[-1][-1]) if runs else np.nan
        if abs(float(text) - last) <= SAME_NUMBER * abs(float(text)):
            runs[-1].append(text)
        else:
            runs.append([text])
    one = {text: min(run, key=len) for run in runs if len(run) > 1 for text in run}
    return texts.map(lambda text: one.get(text, text)).astype(object) if one else texts


def _shown(cols: pd.DataFrame, name: str, keys: pd.Series) -> pd.Series:
    """Values as ids show them: texts as the first replicate has them."""
    if name not in cols or pd.api.types.is_numeric_dtype(cols[name]) or name in _WELL_FIELDS:
        return keys
    return cols[name].map(lambda item: plain if (plain := _plain(_text(item))).isascii() else _text(item))


def _control_wells(cols: pd.DataFrame) -> pd.Series:
    """Well of each control instance (pert_type ctl_...), empty for all others."""
    if "pert_type" not in cols:
        return pd.Series("", index=cols.index)
    return well_names(cols).where(type_mask(cols["pert_type"], is_null), "")


def _sig_ids(keys: pd.DataFrame, params: ConsensusParams) -> list[str]:
    """Signature ids: the values of the grouping fields joined by ':'.

    The dose's unit is left out, and the time where the brew says it; a control ends in its well.  Where two groups
    would share an id, what was left out is added.
    """
    silent = {"pert_dose_unit"} | ({"pert_time"} if "brew_prefix" in params.group_by else set())
    spoken = [name for name in params.group_by if name not in silent] or list(params.group_by)
    hidden = [name for name in params.group_by if name not in spoken]

    def joined(names: list[str]) -> list[str]:
        return [":".join(part for part in row if part) for row in keys[names].to_numpy()]

    ids = pd.Series(joined([*spoken, "well"]))
    shared = ids.duplicated(keep=False)
    if shared.any():
        longer = pd.Series(joined([*spoken, "well", *hidden]))
        ids = ids.where(~shared, longer)
        count = ids.groupby(ids).cumcount()
        ids = ids.where(count == 0, ids + ":" + (count + 1).astype(str))
        log.warning(
            "%d signatures differ in %s only and get longer ids: %s",
            int(shared.sum()), " or ".join(hidden) or "their values", name_some(ids[shared]),
        )  # fmt: skip
    return ids.tolist()
