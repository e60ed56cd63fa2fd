import numpy as np
import pandas as pd
import pytest

from beadwork.io.platform.gene_names import gene_resolver, known_genes
from beadwork.model.errors import AlignmentError
from beadwork.stages.connectivity.row_genes import identify_genes

KNOWN = dict(list(known_genes().items())[:300])


def identify(ids, probes=None, **fields):
    frame = pd.DataFrame(fields, index=pd.Index(ids, dtype=object))
    return identify_genes(frame, gene_resolver(), known_genes(), probes or {}, "m.gct")


def ensembl(version):
    digits = {gene: digits for digits, gene in gene_resolver().tables.ids("ensembl").items()}
    return {gene: f"ENSG{digits[gene]:0>11}{version}" for gene in KNOWN if gene in digits}


@pytest.mark.parametrize(
    "write", [str, int, float, "{}.0".format, " {}".format, lambda gene: gene.encode(), lambda gene: str(gene.encode())]
)
def test_entrez_ids_however_they_are_written(write):
    found = identify([write(gene) for gene in KNOWN])
    assert found.ids == list(KNOWN) and found.symbols == list(KNOWN.values())
    assert (found.n_known, found.source, found.remarks) == (300, "Entrez ids", ())


def test_symbols_old_and_new_and_ensembl_ids():
    assert identify(list(KNOWN.values())).ids == list(KNOWN)
    assert identify(["SEPTIN9", "H2BC12", "CDKN1A"]).ids == ["10801", "85236", "1026"]
    assert identify(["SEPTIN9", "H2BC12", "CDKN1A"]).symbols == ["SEPT9", "HIST1H2BK", "CDKN1A"]
    for version in ("", ".12"):
        ids = ensembl(version)
        found = identify(ids.values())
        assert found.ids == list(ids) and found.source == "Ensembl ids"


def test_symbols_of_mouse_are_reported():
    found = identify(["Cdkn1a", "Trp53", "Egfr", "Myc"])
    assert found.ids == ["1026", "Trp53", "1956", "4609"]
    assert found.remarks[0].startswith(
        "row ids are written as symbols of mouse or rat (Cdkn1a), and taken for the human"
    )


def test_annotation_names_the_genes_where_row_ids_do_not():
    ids = [f"probe {number}" for number in range(300)]
    assert identify(ids, pr_gene_id=[float(gene) for gene in KNOWN]).ids == list(KNOWN)
    assert identify(range(300), gene_symbol=list(KNOWN.values())).ids == list(KNOWN)
    assert identify(ids, gene_symbol=list(KNOWN.values())).source == "symbols of field gene_symbol"
    assert identify(list(KNOWN), gene_symbol=["A2M"] * 300).ids == list(KNOWN)
    probes = dict(zip(ids, KNOWN, strict=True))
    assert identify(ids, probes).ids == list(KNOWN)


def test_rows_that_are_no_known_genes_keep_their_ids_and_are_reported():
    found = identify(["CDKN1A", "TP53", "my construct", "5'UTR"])
    assert found.ids == ["1026", "7157", "my construct", "5'UTR"] and found.n_known == 2
    assert found.remarks == ("2 of 4 rows are no known genes (my construct, 5'UTR); they keep their ids",)


def test_a_row_of_an_older_name_keeps_it_where_the_gene_has_a_row():
    found = identify(["CDKN1A", "TP53", "P53", "WAF1", "EGFR"])
    assert found.ids == ["1026", "7157", "P53", "WAF1", "1956"] and found.n_known == 3
    patched = identify(["ENSG00000310517.3", "ENSG00000153113.24", "ENSG00000141510.18"])
    assert patched.ids == ["ENSG00000310517.3", "831", "7157"] and patched.n_known == 2
    assert found.remarks == ("2 rows have another name of a gene that has a row (P53, WAF1); they keep their ids",)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (
            ["row1", "row2", "row3", "row4"],
            r"m.gct: row ids \(row1, row2, row3, ... \(4 in all\)\): none is known as a gene \(row1: unknown gene\)",
        ),
        (
            range(978),
            r"m.gct: row ids \(0, 1, 2, ... \(978 in all\)\): they are row numbers, not genes; give Entrez",
        ),
        (np.arange(1, 979), "they are row numbers, not genes"),
        (["ENSMUSG00000059552"], r"none is known as a gene \(ENSMUSG00000059552: Ensembl id of mouse; give"),
        (["5982", "5982.0", "1026"], "m.gct: genes stand in several rows: 5982; keep one row per gene"),
        (["ENSG00000141510.18", "ENSG00000141510.17"], "genes stand in several rows: 7157; keep one row per gene"),
        (["SEPT9", "SEPTIN9", "TP53"], "genes stand in several rows: 10801; keep one row per gene"),
    ],
)
def test_what_no_query_could_reach_or_distinguish_is_refused(ids, message):
    with pytest.raises(AlignmentError, match=message):
        identify(ids)


@pytest.mark.parametrize("every", [2, 3, 10])
def test_entrez_ids_among_rows_that_are_no_genes(every):
    ids = [gene if place % every == 0 else f"my reporter {place}" for place, gene in enumerate(KNOWN)]
    found = identify(ids)
    assert found.ids == ids and found.n_known == len(ids[::every]) and found.source == "Entrez ids"
    assert found.remarks[0].startswith(f"{300 - len(ids[::every])} of 300 rows are no known genes")
