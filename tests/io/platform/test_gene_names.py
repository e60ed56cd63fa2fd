import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.io.platform import gene_names
from beadwork.io.platform.gene_names import gene_resolver, known_genes
from beadwork.model.connectivity.gene_resolver import Kind

TODAY = {
    "H2BC12": "85236", "CEMIP2": "23670", "DIPK1A": "388650", "MINDY1": "55793", "SQOR": "58472", "EPRS1": "2058",
    "TENT4A": "11044", "COQ8A": "56997", "H2BC21": "8349", "AARS1": "16", "SEPTIN9": "10801", "CCN2": "1490",
    "MARCHF1": "55016", "MTARC2": "54996", "ATP5F1A": "498", "ELOA": "6924", "DELEC1": "50514", "TBXT": "6862",
    "TYW2": "55039", "SLC67A1": "5002",
}  # fmt: skip
FORMS = {
    "TP53": ("symbol", "7157"), "tp53": ("symbol", "7157"), "p53": ("alias", "7157"), "SEPT9": ("symbol", "10801"),
    "KIAA0494": ("previous symbol", "9813"), "C1ORF112": ("symbol", "55732"), "T": ("symbol", "6862"),
    "ENSG00000141510": ("Ensembl id", "7157"), "ENSG00000141510.18": ("Ensembl id", "7157"),
    "ensg00000141510.1": ("Ensembl id", "7157"), "P04637": ("UniProt accession", "7157"),
    "P04637-2": ("UniProt accession", "7157"), "NM_000546.6": ("RefSeq accession", "7157"),
    "NP_000537": ("RefSeq accession", "7157"), "HGNC:11998": ("HGNC id", "7157"), "201746_at": ("probe set", "7157"),
    "LOC7157": ("symbol", "7157"), "GeneID:7157": ("Entrez id", "7157"), " TP53 ": ("symbol", "7157"),
    "'TP53": ("symbol", "7157"), "\ufeffTP53\u00a0": ("symbol", "7157"), "b'TP53'": ("symbol", "7157"),
    "HLA‑A": ("symbol", "3105"), "TP53|7157": ("symbol", "7157"),
    "TP53;P53": ("symbol", "7157"), "ENSG00000141510_TP53": ("symbol", "7157"),
    "TP53_ENSG00000141510": ("symbol", "7157"),
    "hsa:7157": ("Entrez id", "7157"), "gene:ENSG00000141510": ("Ensembl id", "7157"),
    "UniProtKB:P04637": ("UniProt accession", "7157"), "symbol=TP53": ("symbol", "7157"),
}  # fmt: skip
NO_GENES = {
    "1-Sep": "a date, as spreadsheets make of a symbol, perhaps SEPTIN1",
    "2-Mar": "perhaps MARCHF2, MTARC2", "Mar-02": "perhaps MARCHF2, MTARC2", "2020-09-09": "perhaps SEPTIN9",
    "2006-03-01 00:00:00": "perhaps MARCHF1", "9/7/2020": "perhaps SEPTIN7", "1. Dez": "perhaps DEC1",
    "1-Dec": "perhaps DEC1", "3. Mrz": "MARCHF3", "01-sept-20": "SEPTIN1",
    "44075": "a bare number in a list that is not one of ids; not taken for an Entrez id; as a day of "
    "a spreadsheet it is 2020-09-01",
    "2": "a bare number in a list that is not one of ids; not taken for an Entrez id",
    "2.31E+13": "scientific notation", "-1.5": "a number",
    "Trp53": "symbol of a mouse gene; its human gene is TP53", "2310009E13Rik": "a mouse gene",
    "Gm1234": "a mouse gene",
    "ENSMUSG00000059552": "Ensembl id of mouse", "ENSRNOG00000010756.4": "Ensembl id of rat",
    "ENST00000269305": "Ensembl id of a transcript", "ENSG00000999999": "Ensembl id of no named gene",
    "HLA.A": "unknown gene; did you mean HLA-A?", "TP53.1": "did you mean TP53?", "CDKN1AA": "did you mean CDKN1A?",
    "HGNC:99999999": "an HGNC id of no gene", "ABCA1 /// TP53": "several genes in one cell (ABCA1, TP53)",
    "MRK": "alias of several genes", "DNF15S2": "previous symbol of several genes (APEH, MST1)", 
    "Gene.symbol": "a heading",
    "Hs.1234": "UniGene", "": "placeholder", "-666": "placeholder", "#N/A": "placeholder", "---": "placeholder",
}  # fmt: skip


def answer(name, beside=("EGFR", "MDM2")):
    return gene_resolver().resolve([*beside, name])[-1]


def test_every_symbol_and_id_of_the_platform_means_its_own_gene():
    genes = known_genes()
    resolver = gene_resolver()
    assert [a.gene for a in resolver.resolve(genes.values())] == list(genes)
    assert [a.gene for a in resolver.resolve(name.lower() for name in genes.values())] == list(genes)
    assert [a.gene for a in resolver.resolve(genes)] == list(genes)
    assert [a.gene for a in resolver.resolve(float(gene) for gene in genes)] == list(genes)


def test_nearly_every_gene_of_the_platform_has_an_ensembl_id_and_all_but_withdrawn_ones_a_symbol_of_today():
    genes, tables = known_genes(), gene_resolver().tables
    assert len(set(tables.ids("ensembl").values()) & set(genes)) > 12_290
    assert len(set(tables.ids("hgnc").values()) & set(genes)) > 12_305


@pytest.mark.parametrize(("name", "gene"), TODAY.items())
def test_symbols_of_today(name, gene):
    assert answer(name)[1:] == (gene, Kind.SYMBOL, "", ())


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_a_gene(name):
    found = answer(name)
    assert (str(found.kind), found.gene, found.reason) == (*FORMS[name], "")


@pytest.mark.parametrize("name", NO_GENES)
def test_what_is_no_gene_is_named_for_what_it_is(name):
    found = answer(name)
    assert found.gene == "" and NO_GENES[name] in found.reason


@pytest.mark.parametrize(("name", "symbol"), [("CCN1", "CYR61"), ("AK3", "AK3"), ("MIA2", "MIA2"), ("CCR9", "CCR9")])
def test_a_symbol_of_today_goes_before_a_previous_one_and_that_of_the_platform_before_both(name, symbol):
    assert gene_resolver().symbol(answer(name).gene) == symbol


def test_numbers_are_ids_only_in_a_list_of_ids():
    resolve = gene_resolver().resolve
    assert [a.gene for a in resolve(["CDKN1A", "2"])] == ["1026", ""]
    assert [a.gene for a in resolve(["CDKN1A", "2", "TP53", "9"])] == ["1026", "", "7157", ""]
    assert [a.gene for a in resolve(["CDKN1A", "2", "12", "TP53", "9", "10"])] == ["1026", "", "", "7157", "", ""]
    assert [a.gene for a in resolve(["1026", "7157.0", "5982,0", " 2 ", "CDKN1A"])] == [
        "1026",
        "7157",
        "5982",
        "2",
        "1026",
    ]
    assert [a.gene for a in resolve(["1026", "2.5", "7157", "9.0"])] == ["", "", "", ""]
    assert [a.gene for a in resolve([5982.0, b"5982", "5.982e+03", "5.982000000e+03"])] == ["5982"] * 4
    assert [a.gene for a in resolve(["1026", "44075", "999999999"])] == ["1026", "", ""]


def test_columns_are_distinguished_by_their_values():
    genes, resolver = known_genes(), gene_resolver()
    assert resolver.kind_of(genes) is Kind.ENTREZ and resolver.share_known(genes) == 1
    assert resolver.kind_of(genes.values()) is Kind.SYMBOL
    assert resolver.kind_of(["ENSG00000141510.18", "ENSG00000146648.9", "NA", ""]) is Kind.ENSEMBL
    assert resolver.kind_of(range(1, 5000)) is None and resolver.share_known(range(1, 5000)) == 0
    assert resolver.describe(range(5000)).kind is Kind.ROW_NUMBER
    assert resolver.kind_of([place / 2 for place in range(9000)]) is None
    assert resolver.kind_of(["red", "green", "TP53"]) is None
    assert resolver.share_known(["TP53", "EGFR", "no", "none at all"]) == 0.5
    assert resolver.share_known([]) == 0 and resolver.describe(["NA", ""]).n == 0
    assert resolver.describe(["TP53"] * 3 + ["EGFR"]).distinct == 0.5


@given(st.lists(st.sampled_from(sorted(known_genes())), min_size=3), st.randoms())
def test_the_meaning_of_an_id_does_not_depend_on_how_a_number_is_written(genes, random):
    forms = [random.choice([gene, f"{gene}.0", f" {gene} ", int(gene), float(gene), gene.encode()]) for gene in genes]
    assert [a.gene for a in gene_resolver().resolve(forms)] == genes


@given(st.lists(st.text(max_size=12), max_size=30))
def test_any_text_gets_an_answer_with_a_gene_or_a_reason(names):
    answers = gene_resolver().resolve(names, suggest=False)
    assert len(answers) == len(names)
    assert all(bool(a.gene) != bool(a.reason) for a in answers)


def test_twelve_thousand_names_are_answered_at_once():
    resolver, names = gene_resolver(), list(known_genes().values())
    resolver.resolve(names[:1])
    start = time.thread_time()  # not by the clock: the machine may be busy with something else
    resolver.resolve(names)
    assert time.thread_time() - start < 1  # about 0.07 s


def test_threads_that_ask_first_at_once_get_all_names(monkeypatch):
    read, both, begun = gene_names._sorted_lines, threading.Barrier(2, timeout=60), []

    def together(table):
        begun.append(table)
        if len(begun) <= 2:
            both.wait()
        return read(table)

    monkeypatch.setattr(gene_names, "_sorted_lines", together)
    tables = type(gene_resolver().tables)()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(tables.name, ["TP53", "CDK1"]))
    assert tables.name("MAR1").genes == ("388015",)  # an alias of the second table
