import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.io.platform.gene_names import gene_resolver, known_genes
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import GeneSetError
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.gene_finder import GeneFinder
from beadwork.stages.connectivity.gene_mapping import map_query

GENES = dict(list(known_genes().items())[:400])
SYMBOLS = tuple(GENES.values())
FINDER = GeneFinder(list(GENES), list(SYMBOLS), gene_resolver())


def test_a_set_of_fewer_than_three_genes_is_not_scored():
    mapped = map_query(Query("q", SYMBOLS[:12], SYMBOLS[20:22]), FINDER)
    assert len(mapped.up) == 12 and len(mapped.down) == 0
    assert "2 down genes found, fewer than 3: the down set is not scored" in mapped.notes
    message = (
        r"query q: 2 up genes are in the index, fewer than 3 each; give more genes or lower the limit \(--min-set\)"
    )
    with pytest.raises(GeneSetError, match=message):
        map_query(Query("q", SYMBOLS[:2]), FINDER)
    with pytest.raises(GeneSetError, match=message + "; 'nonesuch' is not used: "):
        map_query(Query("q", (*SYMBOLS[:2], "nonesuch")), FINDER)
    assert len(map_query(Query("q", SYMBOLS[:2]), FINDER, QueryParams(min_set=2)).up) == 2
    assert "the up set has 9 genes; below 10 scores are unsteady" in map_query(Query("q", SYMBOLS[:9]), FINDER).notes


def test_the_same_genes_up_and_down_are_said():
    same = map_query(Query("q", SYMBOLS[:12], tuple(GENES)[:12]), FINDER)
    assert "the up and the down set are the same 12 genes: they cancel out, and every score is 0" in same.notes
    some = map_query(Query("q", SYMBOLS[:12], SYMBOLS[10:22]), FINDER)
    assert "2 genes are in the up and in the down set" in some.notes and some.counts["n_overlap"] == 2


def test_notes_say_how_genes_were_found_and_what_is_no_gene():
    odd = ("SEPTIN9", "1-Sep", "2", "2.31E+13", "Trp53", "OR4F5")
    mapped = map_query(Query("q", (*(name.capitalize() for name in SYMBOLS[:12]), *odd)), FINDER)
    assert mapped.counts["n_up_missing"] == 6 and mapped.counts["n_up_no_gene"] == 4
    assert mapped.notes[0] == "2 of 18 up genes are not in the index"
    assert mapped.notes[1].startswith(
        "4 of 18 up genes are no genes ('1-Sep': a date, as spreadsheets make of a symbol, per"
    )
    assert mapped.notes[1].endswith("; ...)")
    assert mapped.notes[-1].startswith("12 symbols are written as those of mouse or rat (")
    assert not any("mouse" in note for note in map_query(Query("q", SYMBOLS), FINDER).notes)
    mixed = map_query(Query("q", (*SYMBOLS[:12], "ENSG00000141510", *list(GENES)[20:22])), FINDER)
    assert "2 of 15 up genes are no genes" in " ".join(mixed.notes)
    mixed = map_query(Query("q", (*list(GENES)[:12], *SYMBOLS[20:22])), FINDER)
    assert "genes are named in several ways: 2 symbols, 12 Entrez ids" in mixed.notes


def test_where_nothing_is_found_the_first_reason_is_given():
    with pytest.raises(GeneSetError, match=r"\(1-Sep: a date, as spreadsheets make of a symbol, perhaps SEPTIN1 or"):
        map_query(Query("q", ("NA", "1-Sep", "2-Sep")), FINDER)


def test_a_signature_takes_the_symbol_before_the_alias_and_needs_twelve_genes():
    profile = dict(zip(SYMBOLS, np.linspace(-3, 3, len(SYMBOLS)), strict=True))
    gene = gene_resolver().resolve(["NF1"])[0].gene
    assert gene
    mapped = map_query(Query("q", profile=profile), FINDER)
    assert len(mapped.rows) == 400 and len(mapped.up) == len(mapped.down) == 100
    finder = GeneFinder(["7157", *GENES], ["TP53", *SYMBOLS], gene_resolver())
    both = map_query(Query("q", profile={**profile, "P53": 99.0, "TP53": 0.5}), finder)
    assert both.values[list(both.rows).index(0)] == 0.5
    assert "1 gene of the signature stands more than once; the largest change counts" in both.notes
    few = dict(list(profile.items())[:11])
    with pytest.raises(
        GeneSetError, match="only 11 genes of the signature are in the index, and its sets are a quarter"
    ):
        map_query(Query("q", profile=few), FINDER)
    assert len(map_query(Query("q", profile=few), FINDER, QueryParams(min_set=2)).up) == 2


@given(st.lists(st.sampled_from([*SYMBOLS[:60], *list(GENES)[:60], "1-Sep", "2", "FOO", "NA", "3.5", "OR4F5", "MRK"])))
def test_every_gene_given_is_found_repeated_or_missing_with_a_reason(names):
    params = QueryParams(min_set=1)
    try:
        mapped = map_query(Query("q", tuple(names)), FINDER, params)
    except GeneSetError:
        return
    counts = mapped.counts
    assert counts["n_up"] == counts["n_up_found"] + counts["n_up_repeated"] + counts["n_up_missing"]
    assert counts["n_up_missing"] == len(mapped.missing) and all(item.reason for item in mapped.missing)
    assert len(set(mapped.up.tolist())) == len(mapped.up) == counts["n_up_found"]
