"""Tables of differential expression as programs write them: the same signature from each, and what is said."""

import gzip
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beadwork.io.connectivity.signature_tables import read_signature_bytes, read_signatures, read_table_columns
from beadwork.io.platform.gene_names import known_genes
from beadwork.model.errors import GeneSetError
from beadwork.model.params import SignatureParams

GENES = dict(list(known_genes().items())[100:160])
"""Entrez id -> symbol of some genes."""
SYMBOLS, IDS = list(GENES.values()), list(GENES)
rng = np.random.default_rng(7)
T = np.round(rng.normal(0, 4, len(SYMBOLS)), 3)
FOLD = np.round(T * rng.uniform(0.1, 2, len(T)), 3)
P = np.array([float(f"{item:.3e}") for item in 10 ** -np.abs(T)])
ADJ = np.minimum(1, P * 10)


def lines(names, columns, *, sep="\t", quote=False, rows=None, header_short=False, end="\n"):
    """Text of a table, with names of rows in front as R writes them."""

    def cell(item):
        return f'"{item}"' if quote and isinstance(item, str) else str(item)

    head = ([] if rows is None or header_short else [""]) + list(names)
    body = [
        ([rows[place]] if rows is not None else []) + list(row) for place, row in enumerate(zip(*columns, strict=True))
    ]
    return "".join(sep.join(cell(item) for item in row) + end for row in [head, *body])


def signed_p(fold, p):
    return dict(zip(SYMBOLS, np.sign(fold) * -np.log10(p), strict=True))


def by_t():
    return dict(zip(SYMBOLS, T, strict=True))


ENSEMBL = [f"ENSG{90000000000 + place}.3" for place in range(len(SYMBOLS))]
DESEQ2 = (["baseMean", "log2FoldChange", "lfcSE", "stat", "pvalue", "padj"],
          [np.abs(FOLD) * 99, FOLD, FOLD / T, T, P, ADJ])  # fmt: skip
TABLES = {
    "DESeq2, write.csv": (lines(*DESEQ2, sep=",", quote=True, rows=SYMBOLS), "stat", by_t()),
    "DESeq2, write.table": (lines(*DESEQ2, sep=" ", quote=True, rows=SYMBOLS, header_short=True), "stat", by_t()),
    "DESeq2, tabs": (lines(*DESEQ2, rows=SYMBOLS, header_short=True), "stat", by_t()),
    "DESeq2, likelihood ratio": (
        lines(["baseMean", "log2FoldChange", "stat"], [FOLD * 0 + 9, FOLD, np.abs(T)], sep=",", rows=SYMBOLS),
        "stat with the sign of log2FoldChange",
        by_t(),
    ),
    "DESeq2, shrunken": (
        lines(["baseMean", "log2FoldChange", "lfcSE", "pvalue", "padj"], [FOLD * 0 + 9, FOLD, T, P, ADJ], rows=SYMBOLS),
        "sign of log2FoldChange x -log10 pvalue",
        signed_p(FOLD, P),
    ),
    "edgeR, exact": (
        lines(["logFC", "logCPM", "PValue", "FDR"], [FOLD, T, P, ADJ], quote=True, rows=SYMBOLS, header_short=True),
        "sign of logFC x -log10 PValue",
        signed_p(FOLD, P),
    ),
    "edgeR, quasi-likelihood": (
        lines(["logFC", "logCPM", "F", "PValue", "FDR"], [FOLD, T, T**2, P, ADJ], rows=SYMBOLS, header_short=True),
        "F with the sign of logFC",
        dict(zip(SYMBOLS, np.sign(FOLD) * T**2, strict=True)),
    ),
    "limma": (
        lines(["logFC", "AveExpr", "t", "P.Value", "adj.P.Val", "B"], [FOLD, T, T, P, ADJ, FOLD], rows=SYMBOLS),
        "t",
        by_t(),
    ),
    "GEO2R": (
        lines(["ID", "adj.P.Val", "P.Value", "t", "B", "logFC", "Gene.symbol", "Gene.title"],
              [[str(7892501 + 2 * place) for place in range(len(SYMBOLS))], ADJ, P, T, FOLD, FOLD, SYMBOLS,
               ["a title"] * len(SYMBOLS)], quote=True),
        "t",
        by_t(),
    ),
    "Seurat": (
        lines(["p_val", "avg_log2FC", "pct.1", "pct.2", "p_val_adj"], [P, FOLD, T * 0 + 0.5, T * 0, ADJ], sep=",",
              quote=True, rows=SYMBOLS),
        "sign of avg_log2FC x -log10 p_val",
        signed_p(FOLD, P),
    ),
    "scanpy": (
        lines(["names", "scores", "logfoldchanges", "pvals", "pvals_adj"], [SYMBOLS, T, FOLD, P, ADJ], sep=",",
              rows=range(len(SYMBOLS))),
        "scores",
        by_t(),
    ),
    "Ensembl ids beside names": (
        lines(["gene_id", "gene_name", "stat"], [ENSEMBL, SYMBOLS, T]), "stat", by_t(),
    ),
    "ranked list": (lines(SYMBOLS[:0], [])[:0] + "".join(f"{g}\t{t}\n" for g, t in by_t().items()), "column 2", by_t()),
    "ranked list with a comment": (
        "# by t\n#gene\tscore\n" + "".join(f"{g}\t{t}\n" for g, t in by_t().items()), "score", by_t(),
    ),
    "pandas Series": (",0\n" + "".join(f"{g},{t}\n" for g, t in by_t().items()), "0", by_t()),
    "spreadsheet with decimal commas": (
        "Gene;t;\n" + "".join(f"{g};{str(t).replace('.', ',')};\n" for g, t in by_t().items()), "t", by_t(),
    ),
}  # fmt: skip


def same(found, expected):
    assert found.keys() == expected.keys()
    for gene, value in expected.items():
        assert found[gene] == pytest.approx(value, rel=1e-9, abs=1e-12), gene


@pytest.mark.parametrize("program", TABLES)
def test_tables_of_programs(program):
    text, what, expected = TABLES[program]
    (query,) = read_signature_bytes("de.txt", text.encode())
    assert query.notes[0].endswith(f"({len(SYMBOLS)} of {len(SYMBOLS)} rows known); values: {what}")
    same(query.profile, expected)


@settings(max_examples=150, deadline=None)
@given(
    program=st.sampled_from([name for name in TABLES if name != "DESeq2, write.table"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    comment=st.sampled_from(["", "# made today\n", "#\xb5 5\n\n"]),
    packed=st.booleans(),
    name=st.sampled_from(["de.tsv", "de.csv", "de.txt", "de", "de.csv.gz", "de.rnk", "de.tab.txt"]),
)
def test_the_same_signature_whatever_the_file(program, encoding, end, comment, packed, name):
    text, _, expected = TABLES[program]
    raw = (comment + text).replace("\n", end).encode(encoding)
    (query,) = read_signature_bytes(name, gzip.compress(raw, mtime=0) if packed else raw)
    assert query.name == "de"
    same(query.profile, expected)


def one(text, name="de.tsv", **params):
    (query,) = read_signature_bytes(name, text.encode(), params=SignatureParams(**params))
    return query


def test_rows_without_an_id_take_the_symbol():
    ids = [gene if place % 3 else "NA" for place, gene in enumerate(IDS)]
    text = lines(["ENTREZID", "SYMBOL", "stat"], [ids, SYMBOLS, T])
    query = one(text)
    assert query.notes[0] == "genes: column SYMBOL (60 of 60 rows known); values: stat"
    query = one(lines(["ENTREZID", "SYMBOL", "stat"], [IDS, SYMBOLS, T]))
    assert query.notes[0].startswith("genes: column ENTREZID (60 of 60")
    symbols = [symbol if place % 4 else "---" for place, symbol in enumerate(SYMBOLS)]
    query = one(lines(["ENTREZID", "SYMBOL", "stat"], [ids, symbols, T]))
    assert query.notes == (
        "genes: column SYMBOL (55 of 60 rows known); values: stat",
        "10 rows that name no known gene in SYMBOL took that of ENTREZID",
        "5 rows name no gene and were left out",
    )
    assert query.profile[f"GeneID:{IDS[4]}"] == T[4], "a number beside symbols is said to be an id"


def test_unknown_names_beside_missing_ids_are_kept():
    text = lines(["ENTREZID", "SYMBOL", "stat"], [[*IDS[:59], "NA"], [*SYMBOLS[:59], "LINCUNKNOWN"], T])
    query = one(text)
    assert query.notes[0].startswith("genes: column ENTREZID (59 of 60 rows known)")
    assert query.profile["LINCUNKNOWN"] == T[59], "it stands in missing_genes.tsv"


def test_infinite_changes_are_the_largest_of_their_sign():
    fold = [str(item) for item in FOLD]
    fold[3], fold[5], fold[9] = "Inf", "-\u221e", "1e999"
    query = one(lines(["gene", "log2FoldChange"], [SYMBOLS, fold]))
    assert "3 infinite values count as the largest changes of their sign" in query.notes
    ranked = sorted(query.profile, key=query.profile.get)
    assert ranked[0] == SYMBOLS[5] and set(ranked[-2:]) == {SYMBOLS[3], SYMBOLS[9]}
    assert np.isfinite(list(query.profile.values())).all()


@pytest.mark.parametrize("word", ["", "NA", "na", "NaN", "#N/A", "NULL", "-666", "n/a", "None", "."])
def test_missing_values(word):
    text = [str(item) for item in T]
    text[0] = text[7] = word
    query = one(lines(["gene", "t"], [SYMBOLS, text]))
    assert len(query.profile) == len(SYMBOLS) - 2
    assert "2 rows have no value and were left out" in query.notes


def test_fold_changes_alone_are_held_to_padj():
    query = one(lines(["gene", "logFC", "FDR"], [SYMBOLS, FOLD, ADJ]))
    kept = ADJ <= 0.05
    same(query.profile, dict(zip(SYMBOLS, np.where(kept, FOLD, 0), strict=True)))
    assert query.notes[0].endswith(
        f"values: logFC; {kept.sum()} of 60 rows have a FDR of at most 0.05, the others count as unchanged"
    )
    same(
        one(lines(["gene", "logFC", "FDR"], [SYMBOLS, FOLD, ADJ]), max_padj=1).profile,
        dict(zip(SYMBOLS, FOLD, strict=True)),
    )
    query = one(lines(["gene", "logFC"], [SYMBOLS, FOLD]))
    assert "no statistic or p-value was used, so noisy genes may fill the ends" in query.notes


def test_columns_can_be_set():
    text = lines(["gene_id", "gene_name", "stat", "log2FoldChange"], [IDS, SYMBOLS, T, FOLD])
    query = one(text, gene_column="gene_name", value_column="log2foldchange")
    same(query.profile, dict(zip(SYMBOLS, FOLD, strict=True)))
    with pytest.raises(GeneSetError, match=r"no column nix; it has gene_id, gene_name, stat, log2FoldChange"):
        one(text, value_column="nix")
    with pytest.raises(GeneSetError, match="no column nix; it has"):
        one(text, gene_column="nix")


def test_a_column_of_p_values_can_be_set():
    text = lines(["gene", "logFC", "t", "P.Value", "other.p"], [SYMBOLS, FOLD, T, P, ADJ])
    (query,) = read_signature_bytes("de.tsv", text.encode(), params=SignatureParams(p_column="P.Value"))
    assert query.profile == pytest.approx(signed_p(FOLD, P))
    assert "values: sign of logFC x -log10 P.Value" in query.notes[0]
    other = SignatureParams(p_column="otherp", value_column="t")
    (query,) = read_signature_bytes("de.tsv", text.encode(), params=other)
    assert query.profile == pytest.approx(signed_p(T, ADJ))
    for params, words in (
        (SignatureParams(p_column="nix"), "no column nix; it has gene, logFC, t, P.Value, other.p"),
        (SignatureParams(p_column="t"), "column t holds no p-values (numbers from 0 to 1)"),
        (SignatureParams(p_column="P.Value", value_column="P.Value"), "do not say which genes go up; name the column"),
    ):
        with pytest.raises(GeneSetError, match=re.escape(words)):
            read_signature_bytes("de.tsv", text.encode(), params=params)
    text = lines(["gene", "P.Value"], [SYMBOLS, P])
    with pytest.raises(GeneSetError, match=r"p-values of column P\.Value do not say which genes go up"):
        read_signature_bytes("de.tsv", text.encode(), params=SignatureParams(p_column="P.Value"))


def test_columns_of_a_table_and_which_are_taken():
    text = lines(["gene", "logFC", "t", "P.Value"], [SYMBOLS, FOLD, T, P])
    found = read_table_columns("de.tsv", text.encode())
    assert found.names == ["gene", "logFC", "t", "P.Value"] and found.numeric == [False, True, True, True]
    assert (found.genes, found.values, found.n_rows) == ((0,), (2,), len(SYMBOLS))
    assert found.first[0] == [SYMBOLS[0], str(FOLD[0]), str(T[0]), str(P[0])]
    assert read_table_columns("de.tsv.gz", gzip.compress(text.encode())) == found
    assert read_table_columns("de.tsv", text.encode(), params=SignatureParams(p_column="P.Value")).values == (1, 3)
    assert read_table_columns("x.tsv", b"a\tb\nc\td\n").values == ()
    with pytest.raises(GeneSetError, match=r"^x.tsv: is empty"):
        read_table_columns("x.tsv", b"")


def test_several_genes_in_a_cell_and_repeated_genes():
    symbols = [
        *SYMBOLS[:10],
        f"{SYMBOLS[10]} /// {SYMBOLS[11]}",
        f"{SYMBOLS[0]};nothing",
        f"NM_1 // {SYMBOLS[12]} // a title",
    ]
    query = one(lines(["ID", "t", "Gene.symbol"], [range(50, 63), T[:13], symbols]))
    assert query.profile[SYMBOLS[10]] == query.profile[SYMBOLS[11]] == T[10]
    assert query.profile[SYMBOLS[12]] == T[12]
    assert abs(query.profile[SYMBOLS[0]]) == max(abs(T[0]), abs(T[11]))
    assert query.notes[1:] == (
        "1 cell names several genes; each of them has the row's value",
        "1 gene stands in several rows; the largest change counts",
    )


def test_contrasts_are_queries():
    rows = [(group, gene, t * sign) for group, sign in (("A", 1), ("B", -1)) for gene, t in by_t().items()]
    text = lines(["group", "names", "scores"], list(zip(*rows, strict=True)), sep=",", rows=range(len(rows)))
    first, second = read_signature_bytes("de.csv", text.encode())
    assert (first.name, second.name) == ("de_A", "de_B")
    same(second.profile, {gene: -t for gene, t in by_t().items()})
    assert "column group names 2 contrasts; each is a query" in first.notes
    sides = ["up" if t > 0 else "down" for t in T]
    (query,) = read_signature_bytes("de.csv", lines(["gene", "t", "group"], [SYMBOLS, T, sides]).encode())
    same(query.profile, by_t())


def test_contrasts_without_values_are_left_out():
    rows = [("A", gene, t) for gene, t in by_t().items()] + [("B", gene, "NA") for gene in SYMBOLS]
    (query,) = read_signature_bytes("de.tsv", lines(["contrast", "gene", "t"], list(zip(*rows, strict=True))).encode())
    assert query.name == "de_A" and "contrast B without values: left out" in query.notes


def test_names_with_a_contrast_and_lines_for_excel():
    (query,) = read_signature_bytes(
        "de.csv", ("sep=;\n" + lines(["gene", "logFC_A_vs_B", "AveExpr"], [SYMBOLS, FOLD, T], sep=";")).encode()
    )
    assert query.notes[0].endswith("values: logFC_A_vs_B")
    same(query.profile, dict(zip(SYMBOLS, FOLD, strict=True)))


def test_p_values_of_zero_go_first():
    p = P.copy()
    p[[4, 8]] = 0
    query = one(lines(["gene", "p_val", "avg_log2FC"], [SYMBOLS, p, FOLD]))
    largest = sorted(query.profile, key=lambda gene: -abs(query.profile[gene]))[:2]
    assert largest == sorted([SYMBOLS[4], SYMBOLS[8]], key=lambda gene: -abs(FOLD[SYMBOLS.index(gene)]))
    assert "2 p-values are 0; among them the larger change goes first" in query.notes


def test_matrices_are_known_by_content(tmp_path):
    text = "#1.2\n2\t2\nNAME\tDescription\tone\ttwo\n1\tx\t0.5\t1\n2\ty\t-0.5\t2\n"
    for name in ("s.gct", "s.txt"):
        path = tmp_path / name
        path.write_text(text)
        assert [(item.name, dict(item.profile)) for item in read_signatures(path)] == [
            ("one", {"1": 0.5, "2": -0.5}),
            ("two", {"1": 1, "2": 2}),
        ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; a table of genes and values is needed"),
        ("gene\tt\n", "has a header line, but no rows"),
        ("TP53\nMDM2\n", "has one column only; a table of genes and values is needed, separated by tabs, semicolons"),
        ("symbol\tp\nTP53\t1\n", "needs a value column (stat, t, z, log2FoldChange, logFC, score, ...); it has sym"),
        ("gene\tlogFC.A\tlogFC.B\nTP53\t1\t4\n", "several columns may rank the genes (logFC.A, logFC.B); name"),
        ("gene\trank\nTP53\t1\nMDM2\t2\n", "needs a value column"),
        ("Q_UP\tx\tTP53\nQ_DN\tx\tMDM2\n", "x, TP53; none holds numbers (gene sets go with --up and --down)"),
        ("symbol\tlogFC\nTP53\thigh\n", "column logFC holds no numbers ('high' in line 2)"),
        ("symbol\tlogFC\nTP53\thigh\nMDM2\t1\nBAX\t2\n", "column logFC, line 2: 'high' is no number (1 such)"),
        ("symbol\tlogFC\nTP53\tNA\n", "column logFC holds no values"),
        ("what\tlogFC\nx1\t2\nx2\t3\n", "no column holds known genes; it has what, logFC; name one with --gene-column"),
        ("gene\tt\nTP53\t1\t4\t5\n", "line 2 has 4 cells, but there are 2 columns"),
        ("gene\tt\tT\nTP53\t1\t4\n", "2 columns of one name (t, T); rename one or use --value-column"),
        ("gene\tlogFC\tFDR\nTP53\t1\t0.5\n", "no row has a FDR of at most 0.05; give a larger --max-padj"),
    ],
)  # fmt: skip
def test_what_cannot_be_used(tmp_path, text, message):
    path = tmp_path / "de.tsv"
    path.write_text(text)
    with pytest.raises(GeneSetError, match=re.escape(message)) as caught:
        read_signatures(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
