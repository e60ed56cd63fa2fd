import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.io.platform.gene_names import gene_resolver, known_genes
from beadwork.model.connectivity.gene_resolver import Kind
from beadwork.model.connectivity.query import Answer
from beadwork.stages.connectivity.gene_finder import GeneFinder

GENES = {"1026": "CDKN1A", "7157": "TP53", "85236": "HIST1H2BK", "10801": "SEPT9", "2": "A2M", "XX1": None}


@pytest.fixture(params=["entrez", "symbols", "ensembl"])
def finder(request):
    """Six genes with one or another kind of row id."""
    if request.param == "entrez":
        return GeneFinder(list(GENES), list(GENES.values()), gene_resolver())
    ids = [symbol or gene for gene, symbol in GENES.items()]
    if request.param == "ensembl":
        digits = {gene: digits for digits, gene in gene_resolver().tables.ids("ensembl").items()}
        ids = [f"ENSG{digits[gene]:0>11}" if gene in digits else gene for gene in GENES]
    return GeneFinder(ids, [None] * len(ids), gene_resolver())


def rows(finder, names):
    return [item.row for item in finder.find(names)]


def test_any_name_finds_the_row_whatever_the_row_ids_are(finder):
    assert rows(finder, ["CDKN1A", "p53", "H2BC12", "SEPTIN9", "ENSG00000175899.17", "xx1", "XX1"])[:5] == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert rows(finder, ["XX1", "TP53"]) == [5, 1]
    assert rows(finder, ["1026", "7157.0", " 85236 ", "10801", "2"]) == [0, 1, 2, 3, 4]
    assert rows(finder, [1026.0, b"7157", 2]) == [0, 1, 4]
    assert rows(finder, ["P38936", "NM_000546", "HGNC:13954"]) == [0, 1, 2]


def test_a_bare_number_among_names_is_said_and_not_used(finder):
    for names in (["CDKN1A", "2"], ["CDKN1A", "2", "TP53", "2.0"], ["2.5", "2", "1026"]):
        found = finder.find(names)
        numbers = [item for item in found if item.name in ("2", "2.0", "2.5", "1026")]
        assert all(item.row == -1 and item.answer is Answer.NO_GENE and "number" in item.reason for item in numbers)


def test_three_answers(finder):
    names = ["TP53", "MDM2", "HDM2", "ENSG00000135679", "201746_at", "1-Sep", "NOTAGENE", "MRK", "OR4F5", "P68871"]
    said = {item.name: (item.answer, item.reason) for item in finder.find(names)}
    where = "not among the 6 genes of the index"
    assert said["TP53"] == said["201746_at"] == (Answer.USED, "")
    assert said["MDM2"] == (Answer.NOT_IN_INDEX, f"Entrez id 4193, {where}")
    assert said["HDM2"] == (Answer.NOT_IN_INDEX, f"alias of MDM2, {where}")
    assert said["ENSG00000135679"] == (Answer.NOT_IN_INDEX, f"Ensembl id of MDM2, {where}")
    assert said["OR4F5"] == (Answer.NOT_IN_INDEX, f"Entrez id 79501, {where}")
    assert said["P68871"] == (Answer.NOT_IN_INDEX, f"UniProt accession of HBB, {where}")
    assert said["1-Sep"][0] is said["NOTAGENE"][0] is Answer.NO_GENE
    assert said["MRK"] == (
        Answer.NOT_IN_INDEX, "alias of several genes (ICK, ZAK); give one of them; none is in the index"
    )  # fmt: skip
    (lacked,) = finder.find(["4193"])
    assert lacked[2:] == (Answer.NOT_IN_INDEX, Kind.ENTREZ, f"Entrez id of MDM2, {where}")


def test_own_names_go_before_those_of_the_tables_and_after_those_of_the_index():
    own = {"my gene": "1026", "p53": "2", "TP53": "2", "ENSG00000000001": "7157", "gone": "4193"}
    finder = GeneFinder(list(GENES), list(GENES.values()), gene_resolver(), own)
    assert rows(finder, ["MY GENE", "p53", "TP53", "ENSG00000000001.4", "gone"]) == [0, 4, 1, 1, -1]
    assert finder.find(["gone", "TP53"])[0].reason == "alias of MDM2, not among the 6 genes of the index"


@given(st.lists(st.sampled_from(sorted(known_genes())), min_size=1, unique=True), st.data())
def test_ids_symbols_and_capitals_find_the_same_rows(genes, data):
    known = known_genes()
    finder = GeneFinder(list(known), list(known.values()), gene_resolver())
    expected = [finder.rows[gene] for gene in genes]
    assert rows(finder, genes) == expected
    change = data.draw(st.sampled_from([str, str.lower, str.capitalize, lambda name: f'"{name}" ']))
    assert rows(finder, [change(known[gene]) for gene in genes]) == expected
