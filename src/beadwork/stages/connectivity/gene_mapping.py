"""Put queries on the genes of an index; nothing is dropped without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from beadwork.model.connectivity.gene_resolver import NAME_KINDS, Kind
from beadwork.model.connectivity.gene_text import is_mouse_case
from beadwork.model.connectivity.query import Answer, MappedQuery, MissingGene, Query, query_label
from beadwork.model.errors import GeneSetError, agree, counted, how_many, name_some
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.gene_finder import FoundGene, GeneFinder

_BY_OTHER_NAME: dict[Kind | None, int] = {Kind.PREVIOUS: 1, Kind.ALIAS: 2}
"""Of two names of one gene in a signature that of today goes first, an alias last."""
EXAMPLES = 3
"""Genes that a note names."""


def map_query(query: Query, finder: GeneFinder, params: QueryParams = QueryParams()) -> MappedQuery:  # noqa: B008 (frozen)
    """Put a query on the rows of an index.

    A repeated gene counts once.  A gene in both sets stays in both, as in CMap's own code, and is counted as overlap.

    Raises
    ------
    GeneSetError
        None of the query's genes is in the index, or too few are.
    """
    if query.profile is not None:
        return _map_profile(query, finder, params)
    if not query.up and not query.down:
        raise GeneSetError(f"{query_label(query.name)}: holds no genes")
    counts: dict[str, int] = {}
    rows: dict[str, np.ndarray] = {}
    answers: dict[str, list[FoundGene]] = {}
    for side, genes in (("up", query.up), ("down", query.down)):
        answers[side] = finder.find(genes)
        used = [item.row for item in answers[side] if item.row >= 0]
        rows[side] = np.array(list(dict.fromkeys(used)), np.int64)
        counts |= {
            f"n_{side}": len(genes),
            f"n_{side}_found": len(rows[side]),
            f"n_{side}_missing": len(genes) - len(used),
            f"n_{side}_no_gene": sum(item.answer is Answer.NO_GENE for item in answers[side]),
            f"n_{side}_repeated": len(used) - len(rows[side]),
        }
    if len(rows["up"]) + len(rows["down"]) == 0:
        raise _nothing_found(query, [*answers["up"], *answers["down"]], "genes")
    counts["n_overlap"] = len(np.intersect1d(rows["up"], rows["down"]))
    notes = [*_notes(query, counts, answers, params), *_notes_on_names([*answers["up"], *answers["down"]], finder)]
    scored = {side: found if len(found) >= params.min_set else found[:0] for side, found in rows.items()}
    missing = tuple(item for side, given in answers.items() for item in _missing(query.name, side, given))
    if len(scored["up"]) + len(scored["down"]) == 0:
        number = " and ".join(f"{len(rows[side])} {side}" for side, given in answers.items() if given)
        n_found = sum(len(rows[side]) for side, given in answers.items() if given)
        are = "gene is" if n_found == 1 else "genes are"
        unused = next((f"; {item.gene!r} is not used: {item.reason}" for item in missing), "")
        raise GeneSetError(
            f"{query_label(query.name)}: {number} {are} in the index, fewer than {params.min_set} each; "
            f"give more genes or lower the limit (--min-set){unused}"
        )
    notes = [*query.notes, *notes]
    return MappedQuery(query.name, scored["up"], scored["down"], counts=counts, missing=missing, notes=tuple(notes))


def _missing(query: str, side: str, answers: Sequence[FoundGene]) -> list[MissingGene]:
    return [MissingGene(query, side, item.name, item.reason, item.answer) for item in answers if item.row < 0]


def _nothing_found(query: Query, answers: Sequence[FoundGene], what: str) -> GeneSetError:
    names = name_some([item.name for item in answers], 3)
    first = next((item for item in answers if item.kind is not Kind.MISSING), answers[0])
    return GeneSetError(
        f"{query_label(query.name)}: none of its {len(answers)} {what} ({names}) is in the index; Entrez ids, symbols, "
        f"Ensembl ids or the ids of the index are needed ({first.name}: {first.reason})"
    )


def _notes(
    query: Query, counts: Mapping[str, int], answers: Mapping[str, Sequence[FoundGene]], params: QueryParams
) -> list[str]:
    notes = []
    for side in ("up", "down"):
        given, found = counts[f"n_{side}"], counts[f"n_{side}_found"]
        notes += _notes_on_missing(answers[side], f"{side} genes")
        if counts[f"n_{side}_repeated"]:
            notes.append(
                f"{counted(counts[f'n_{side}_repeated'], f'{side} gene stands', f'{side} genes stand')} more "
                f"than once and {'counts' if counts[f'n_{side}_repeated'] == 1 else 'count'} once"
            )
        if given and found < params.min_set:
            few = how_many(found, f"{side} gene")
            notes.append(f"{few} found, fewer than {params.min_set}: the {side} set is not scored")
        elif given and found < params.small_set:
            notes.append(f"the {side} set has {counted(found, 'gene')}; below {params.small_set} scores are unsteady")
    if not query.up or not query.down:
        notes.append(f"there is no {'down' if query.up else 'up'} set: the score is that of one set alone")
    overlap = counts["n_overlap"]
    if overlap and overlap == counts["n_up_found"] == counts["n_down_found"]:
        notes.append(
            f"the up and the down set are the same {counted(overlap, 'gene')}: they cancel out, and every score is 0"
        )
    elif overlap:
        notes.append(f"{counted(overlap, 'gene')} {agree(overlap, 'is')} in the up and in the down set")
    return notes


def _notes_on_missing(answers: Sequence[FoundGene], what: str) -> list[str]:
    """Say how many genes are not used: those that the index lacks, and what is no gene, with examples of it."""
    notes = []
    lacked = sum(item.answer is Answer.NOT_IN_INDEX for item in answers)
    if lacked:
        notes.append(f"{lacked} of {len(answers)} {what} are not in the index")
    others = [item for item in answers if item.answer is Answer.NO_GENE]
    if others:
        examples = dict.fromkeys(f"{item.name!r}: {item.reason}" for item in others)
        said = "; ".join(list(examples)[:EXAMPLES]) + ("; ..." if len(examples) > EXAMPLES else "")
        notes.append(f"{len(others)} of {len(answers)} {what} are no genes ({said})")
    return notes


def _notes_on_names(answers: Sequence[FoundGene], finder: GeneFinder) -> list[str]:
    """Say how genes were found where it is not plain."""
    used = [item for item in answers if item.row >= 0]
    kinds = Counter(item.kind for item in used)
    notes = []
    renamed = [item for item in used if item.kind in NAME_KINDS and item.name.upper() not in finder.symbols]
    if renamed:
        pairs = dict.fromkeys(f"{item.name} is {finder.name_of(item.row)}" for item in renamed)
        said = ", ".join(list(pairs)[:EXAMPLES]) + (", ..." if len(pairs) > EXAMPLES else "")
        notes.append(
            f"{counted(len(renamed), 'gene')} {agree(len(renamed), 'was')} found by an older, newer or "
            f"other name ({said})"
        )
    if kinds[Kind.PROBE]:
        notes.append(
            f"{counted(kinds[Kind.PROBE], 'probe set')} of HG-U133A {agree(kinds[Kind.PROBE], 'was')} "
            f"taken for {agree(kinds[Kind.PROBE], 'its')} genes"
        )
    names = sum(kinds[kind] for kind in NAME_KINDS)
    by_sort = {"symbol": names, **{str(kind): kinds[kind] for kind in Kind if kind not in NAME_KINDS}}
    sorts = [f"{number} {sort}{'s' * (number > 1)}" for sort, number in by_sort.items() if number]
    if len(sorts) > 1:
        notes.append(f"genes are named in several ways: {', '.join(sorts)}")
    mouse = [item for item in used if item.kind in NAME_KINDS and is_mouse_case(item.name)]
    mouse = [item for item in mouse if finder.name_of(item.row) != item.name]
    if mouse and len(mouse) > names / 2:
        notes.append(
            f"{counted(len(mouse), 'symbol')} {agree(len(mouse), 'is')} written as those of mouse or rat "
            f"({mouse[0].name}); {'it was' if len(mouse) == 1 else 'they were'} taken for the "
            f"human {'gene' if len(mouse) == 1 else 'genes'} of the same name"
        )
    return notes


def _map_profile(query: Query, finder: GeneFinder, params: QueryParams) -> MappedQuery:
    assert query.profile is not None
    rows: list[int] = []
    values: list[float] = []
    taken: dict[int, int] = {}
    repeated = 0
    profile = {gene: value for gene, value in query.profile.items() if value == value}
    no_value = len(query.profile) - len(profile)
    answers = finder.find(profile)
    given = zip(answers, profile.values(), strict=True)
    for item, value in sorted(given, key=lambda pair: (_BY_OTHER_NAME.get(pair[0].kind, 0), -abs(pair[1]))):
        if item.row in taken:
            repeated += 1
        elif item.row >= 0:
            taken[item.row] = len(rows)
            rows.append(item.row)
            values.append(value)
    missing = _missing(query.name, "signature", answers)
    if not rows:
        raise _nothing_found(query, answers, "genes")
    order = np.argsort(rows)
    at, number = np.array(rows, np.int64)[order], np.array(values)[order]
    ranked = np.argsort(-number, kind="stable")
    size = min(params.set_size, len(at) // 4)
    if size < params.min_set:
        raise GeneSetError(
            f"{query_label(query.name)}: only {counted(len(at), 'gene')} of the signature "
            f"{agree(len(at), 'is')} in the index, and its sets are a "
            f"quarter of them; give {4 * params.min_set} or more, or lower the limit (--min-set)"
        )
    ends = {"up": ranked[:size], "down": ranked[-size:]}
    ends = {side: places[number[places] != 0] for side, places in ends.items()}
    up, down = (at[ends[side]] if len(ends[side]) >= params.min_set else at[:0] for side in ("up", "down"))
    if len(up) + len(down) == 0:
        raise GeneSetError(
            f"{query_label(query.name)}: {len(ends['up'])} genes of the signature that are in the index go up and "
            f"{len(ends['down'])} down, fewer than {params.min_set} each; give more, or lower the limit (--min-set)"
        )
    counts = {
        "n_up": len(ends["up"]), "n_up_found": len(ends["up"]), "n_down": len(ends["down"]),
        "n_down_found": len(ends["down"]), "n_signature": len(query.profile),
        "n_signature_found": len(at), "n_up_missing": 0, "n_down_missing": 0, "n_up_repeated": 0, "n_down_repeated": 0,
        "n_overlap": 0, "n_signature_missing": len(missing), "n_signature_repeated": repeated,
        "n_signature_no_gene": sum(item.answer is Answer.NO_GENE for item in answers),
    }  # fmt: skip
    high, low = len(ends["up"]), len(ends["down"])
    notes = [
        *query.notes,
        f"a signature of {counted(len(at), 'gene')}: its {high} highest and {low} lowest are the sets",
    ]
    if no_value:
        notes.append(f"{counted(no_value, 'gene')} without a value {agree(no_value, 'is')} left out")
    if min(high, low) < size:
        notes.append("genes without a change (0) are in no set")
    for side, places in ends.items():
        if len(places) < params.min_set:
            few = how_many(len(places), f"{side} gene")
            notes.append(f"{few}, fewer than {params.min_set}: the {side} set is not scored")
    if high and low and (number[ends["up"]].min() < 0 or number[ends["down"]].max() > 0):
        one = "up" if number[ends["down"]].max() > 0 else "down"
        notes.append(f"nearly all values go {one}: the other set holds genes that go {one} least")
    notes += _notes_on_missing(answers, "genes of the signature")
    if repeated:
        notes.append(
            f"{counted(repeated, 'gene of the signature stands', 'genes of the signature stand')} more "
            f"than once; the largest change counts"
        )
    notes += _notes_on_names(answers, finder)
    return MappedQuery(query.name, up, down, at, number, counts, tuple(missing), tuple(notes))
