"""Gene-set files: every format, pairing, safe names, and the messages of bad files."""

import gzip
import io
import logging
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from beadwork.io.connectivity.gene_sets import (
    base_name,
    file_names,
    pair_by_name,
    pair_sets,
    parse_gene_sets,
    read_gene_sets,
    set_side,
)
from beadwork.model.connectivity.query import GeneSet
from beadwork.model.errors import GeneSetError


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_formats_hold_the_same_sets(tmp_path):
    gmt = read_gene_sets(write(tmp_path, "a.gmt", "X_UP\tsome text\t1\t2\t\t3\r\nX_DN\t\t4\t5\n"))
    gmx = read_gene_sets(write(tmp_path, "a.gmx", "X_UP\tX_DN\nsome text\tna\n1\t4\n2\t5\n3\t\n"))
    tsv = read_gene_sets(
        write(tmp_path, "a.tsv", "set\tgene\tdirection\nX\t1\tup\nX\t2\tUP\nX\t3\t1\nX\t4\tdown\nX\t5\t-1\n")
    )
    expected = [("X_UP", ("1", "2", "3")), ("X_DN", ("4", "5"))]
    for sets in (gmt, gmx, tsv):
        assert [(item.name, item.genes) for item in sets] == expected
    grp = read_gene_sets(write(tmp_path, "HDAC_UP.grp", "#comment\n1\n 2 \n\n3\n"))
    assert [(item.name, item.genes) for item in grp] == [("HDAC_UP", ("1", "2", "3"))]
    packed = read_gene_sets(write(tmp_path, "HDAC_UP.grp.gz", gzip.compress(b"1\n2\n3\n")))
    assert packed[0].name == "HDAC_UP" and packed[0].genes == grp[0].genes
    packed = read_gene_sets(write(tmp_path, "a.gmt.gz", gzip.compress(b"X_UP\ttext\t1\t2\t3\nX_DN\t\t4\t5\n")))
    assert [(item.name, item.genes) for item in packed] == expected
    assert read_gene_sets(write(tmp_path, "list.txt", "\ufeffTP53\nMDM2\n"))[0].genes == ("TP53", "MDM2")
    assert read_gene_sets(write(tmp_path, "latin.gmt", "Gr\xf6\xdfe\tx\t1".encode("latin-1")))[0].name == "Größe"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.gmt", "", "is empty; gene sets are needed"),
        ("a.gmt", "X\tdescription\n", "line 1 has 2 tab-separated cells; a GMT line holds name, description and genes"),
        ("a.gmt", "\td\t2\n", "line 1 has no set name in its first cell"),
        ("a.gmt", "X\td\t\t\n", "set X holds no genes; remove it or fill it"),
        ("a.gmt", "X\td\t" + "\t".join(str(i) for i in range(20_001)), "set X holds 20,001 genes; at most 20,000 are"),
        ("a.gmt", b"X\td\t1\x00", "is not a text file; gene sets are GMT, GMX, GRP, TSV or CSV"),
        (
            "a.gmt",
            b"PK\x03\x04\x14\x00\x06\x00\x08\xff",
            "is not a text file; gene sets are GMT, GMX, GRP, TSV or CSV (it is an Excel workbook or another",
        ),
        ("a.gmt", b"<!DOCTYPE html>\n<html>", "is a web page, perhaps an error page or a login in place of the file"),
        (
            "a.gmt",
            "#1.2\n1\t1\nNAME\tDescription\ts\nA\tB\t1\n",
            "is a GCT matrix, not gene sets; give it with --signature",
        ),
        ("a.gmt.gz", b"\x1f\x8b\x08damaged", "damaged gzip file"),
        ("a.gmx", "X\nd\n", "a GMX file holds names, descriptions and then genes, but has 2 lines"),
        ("a.gmx", "X\nd\n1\t2\n", "line 3 has more columns than the 1 names of line 1"),
        ("a.tsv", "set\tdirection\nX\tup\n", "a table of gene sets needs a column named gene (and set, direction)"),
        (
            "a.tsv",
            "set\tgene\tdirection\nX\t1\tsideways\n",
            "row 2: direction 'sideways'; up or down (1 or -1) is needed",
        ),
        ("a.grp", "# only a comment\n", "holds only comments; gene sets are needed"),
        ("a.rnk", "TP53\t2\nMDM2\t-1\n", "holds genes with values of both signs; give it with --signature"),
        (
            "a.tsv",
            "gene\tlogFC\nTP53\t2\nMDM2\t-1\n",
            "is a table of differential expression (column logFC has both signs); give it with --signature",
        ),
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path, name, text, message):
    path = write(tmp_path, name, text)
    with pytest.raises(GeneSetError, match=re.escape(message)) as caught:
        read_gene_sets(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_absent_file(tmp_path):
    with pytest.raises(GeneSetError, match="no such file; check the name"):
        read_gene_sets(tmp_path / "nix.gmt")


def sets(*names):
    return [GeneSet(name, (name,)) for name in names]


def shape(queries):
    return [(query.name, query.up, query.down) for query in queries]


def test_pairing_is_by_name_else_by_order():
    assert shape(pair_sets(sets("A_UP", "B_up"), sets("B_DN", "A_DOWN"))) == [
        ("A", ("A_UP",), ("A_DOWN",)),
        ("B", ("B_up",), ("B_DN",)),
    ]
    assert shape(pair_sets(sets("A", "B"), sets("C", "D"))) == [("A", ("A",), ("C",)), ("B", ("B",), ("D",))]
    assert shape(pair_sets(sets("A_UP", "B_UP"), sets("C_DN", "A_DN"))) == [
        ("A", ("A_UP",), ("A_DN",)),
        ("B", ("B_UP",), ()),
        ("C", (), ("C_DN",)),
    ]
    assert shape(pair_sets(sets("A_UP", "A_DN", "LONE_DN", "C"))) == [
        ("A", ("A_UP",), ("A_DN",)),
        ("LONE", (), ("LONE_DN",)),
        ("C", ("C",), ()),
    ]
    with pytest.raises(
        GeneSetError, match=r"2 up sets \(A, B\) and 1 down set \(C\) share no name and differ in number"
    ):
        pair_sets(sets("A", "B"), sets("C"))
    with pytest.raises(GeneSetError, match="sets A_UP and A have the same name without _UP and _DN; rename one"):
        pair_sets(sets("A_UP", "A"), sets("A_DN"))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["X_DN"], [("X", [], ["X_DN"])]),
        (["x dn"], [("x", [], ["x dn"])]),
        (["X.Down"], [("X", [], ["X.Down"])]),
        (["X (down)"], [("X", [], ["X (down)"])]),
        (["X:DWN", "Y"], [("X", [], ["X:DWN"]), ("Y", ["Y"], [])]),
        (["X_UP"], [("X", ["X_UP"], [])]),
        (["X-up", "X-dn"], [("X", ["X-up"], ["X-dn"])]),
        (["DN", "UP"], [("query", ["UP"], ["DN"])]),
        (["p53up", "p53dn"], [("p53", ["p53up"], ["p53dn"])]),
        (["p53dn"], [("p53dn", ["p53dn"], [])]),
        (["knockdown", "GROUP", "backup"], [("knockdown", ["knockdown"], []), ("GROUP", ["GROUP"], []),
                                            ("backup", ["backup"], [])]),
        (["X", "X_DN"], [("X", ["X"], ["X_DN"])]),
        (["A_DN", "B_UP"], [("A", [], ["A_DN"]), ("B", ["B_UP"], [])]),
    ],
)  # fmt: skip
def test_names_say_the_side_of_sets_given_together(names, expected):
    found = pair_sets(sets(*names))
    assert [(query.name, list(query.up), list(query.down)) for query in found] == expected
    for query in found:
        alone_down = bool(query.down and not query.up)
        assert any("is taken as a down set, by its name" in note for note in query.notes) == alone_down


def test_the_side_of_a_set_without_one_is_that_it_is_given_on():
    ask = [(query.name, query.up, query.down, query.notes) for query in pair_by_name(sets("X", "Y_DN", "Z_UP"), "down")]
    assert ask == [
        ("X", (), ("X",), ()),
        ("Y_DN", (), ("Y_DN",), ()),
        ("Z", ("Z_UP",), (), ("Z_UP is taken as an up set, by its name",)),
    ]
    (pair,) = pair_sets(sets("X", "X_DN"))
    assert pair.notes == ("X and X_DN are taken as the two sides of a query",)
    for twice, more in ((("X_DN", "X_down"), "X_UP"), (("X", "X_UP"), "Z_DN")):
        with pytest.raises(GeneSetError, match=f"sets {' and '.join(twice)} have the same name without _UP and _DN"):
            pair_sets(sets(*twice, more))


def test_sides():
    assert (set_side("X_UP"), set_side("x_dn"), set_side("X.down"), set_side("GROUP")) == ("up", "down", "down", None)
    assert base_name("FRASOR_ER_DN") == "FRASOR_ER" and base_name("UP") == "UP"


@given(st.lists(st.text(min_size=0, max_size=12), max_size=8))
def test_file_names_are_safe_and_distinct(names):
    found = file_names(names, ("queries",))
    assert len({name.lower() for name in found} | {"queries"}) == len(names) + 1
    for name in found:
        assert re.fullmatch(r"[A-Za-z0-9+=@,][A-Za-z0-9._+=@,-]*", name), name


GENES = ["TP53", "MDM2", "CDKN1A", "BAX", "FAS", "EGFR", "MYC", "KRAS", "BRCA1", "PTEN", "CCNB1", "CDK1", "AURKB"]
IDS = ["7157", "4193", "1026", "581", "355", "1956", "4609", "3845", "672", "5728", "891", "983", "9212"]
ENDS = ["\n", "\r\n", "\r"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@st.composite
def named_sets(draw):
    """Two to five sets of two genes or more, and how they are written."""
    pool = draw(st.sampled_from([GENES, IDS]))
    count = draw(st.integers(2, 5))
    genes = [tuple(draw(st.lists(st.sampled_from(pool), min_size=2, max_size=9, unique=True))) for _ in range(count)]
    return [(f"SET {place}_{draw(st.sampled_from(['UP', 'DN', 'A']))}", items) for place, items in enumerate(genes)]


def as_gmt(sets, cell, describe, weight, tail):
    rows = [
        [name, *([describe] if describe is not None else []), *(gene + weight for gene in genes)]
        for name, genes in sets
    ]
    return [("\t".join(cell(item) for item in row)) + tail for row in rows]


def as_gmx(sets, cell, describe, weight, tail):
    columns = [[name, describe or "na", *(gene + weight for gene in genes)] for name, genes in sets]
    longest = max(map(len, columns))
    return [
        "\t".join(cell(column[row]) if row < len(column) else "" for column in columns) + tail for row in range(longest)
    ]


def as_table(sets, cell, describe, weight, tail):
    rows = [("set", "gene"), *((name, gene + weight) for name, genes in sets for gene in genes)]
    return ["\t".join(cell(item) for item in row) + tail for row in rows]


@settings(max_examples=250, deadline=None)
@given(
    sets=named_sets(),
    form=st.sampled_from([(as_gmt, ".gmt"), (as_gmt, ".gmt.txt"), (as_gmt, ".txt"), (as_gmt, ""), (as_gmx, ".gmx"),
                          (as_table, ".tsv"), (as_table, ".txt")]),
    describe=st.sampled_from([None, "", "na", "of a study, 5\xb5M", "line\x85end\u2028 and \u2029more", "https://x.org/a,b"]),
    weight=st.sampled_from(["", ",1.0", ",0.25", ",-3.5e-02", ";2"]),
    tail=st.sampled_from(["", "\t", "\t\t"]),
    quotes=st.booleans(),
    end=st.sampled_from(ENDS),
    encoding=st.sampled_from(ENCODINGS),
    packed=st.booleans(),
)  # fmt: skip
def test_the_same_sets_from_any_format(sets, form, describe, weight, tail, quotes, end, encoding, packed):
    write_lines, ending = form
    cell = (lambda text: f'"{text}"') if quotes else str
    assume(describe is not None or len({genes[0] for _, genes in sets}) > 1)
    text = end.join(write_lines(sets, cell, describe, weight, tail)) + end
    raw = text.encode(encoding)
    found = parse_gene_sets(f"f{ending}", gzip.compress(raw, mtime=0) if packed else raw)
    assert [(item.name, item.genes) for item in found.sets] == sets
    if weight:
        assert all(any("carry a weight" in note for note in item.notes) for item in found.sets)
    if write_lines is as_gmt and describe is None:
        assert all("has no description column" in item.notes[0] for item in found.sets)


@settings(max_examples=120, deadline=None)
@given(
    genes=st.lists(st.sampled_from(GENES), min_size=2, unique=True),
    end=st.sampled_from(ENDS),
    encoding=st.sampled_from(ENCODINGS),
    form=st.sampled_from(["plain", "quotes", "heading", "write.table", "write.csv", "one line", "weights", "ranks"]),
    ending=st.sampled_from([".grp", ".txt", "", ".grp.txt", ".csv", ".tsv", ".gmt"]),
)
def test_the_same_list_from_any_format(genes, end, encoding, form, ending):
    if form in ("write.table", "write.csv") and len(genes) < 5:
        return  # so few row numbers may be ids
    lines = {
        "plain": genes,
        "quotes": [f'"{gene}"' for gene in genes],
        "heading": ["Gene Symbol", *genes],
        "write.table": ['"x"', *(f'"{row}" "{gene}"' for row, gene in enumerate(genes, 1))],
        "write.csv": ['"","x"', *(f'"{row}","{gene}"' for row, gene in enumerate(genes, 1))],
        "one line": [", ".join(genes)],
        "weights": [f"{gene},0.5" for gene in genes],
        "ranks": [f"{gene}\t{place + 1}.5" for place, gene in enumerate(genes)],
    }[form]
    found = parse_gene_sets(f"HDAC_UP{ending}", (end.join(lines) + end).encode(encoding))
    assert [(item.name, item.genes) for item in found.sets] == [("HDAC_UP", tuple(genes))]


def said(name, text):
    found = parse_gene_sets(name, text.encode())
    return found.sets, found.notes


def test_a_bad_set_is_reported_and_skipped():
    lines = [f"S{place}\tna\tTP53\tMDM2" for place in range(185)] + ["EMPTY\tna\t\t", "\tna\tTP53", "S0\tna\tBAX\tFAS"]
    sets, notes = said("a.gmt", "\n".join(lines))
    assert len(sets) == 185
    assert notes == [
        "3 of 188 sets were skipped: set EMPTY holds no genes; remove it or fill it, line 187 has no set name in its "
        "first cell, line 188: set S0 stands twice, with other genes; rename one"
    ]
    _, notes = said("a.gmt", "X\tna\tTP53\tBAX\nX\tna\tBAX\tTP53\n")
    assert notes == ["1 of 2 sets were skipped: line 2: set X stands twice, with the same genes"]


def test_descriptions_that_are_genes():
    sets, _ = said("a.gmt", "A\tTP53\tMDM2\tBAX\nB\tEGFR\tMYC\n")
    assert [item.genes for item in sets] == [("TP53", "MDM2", "BAX"), ("EGFR", "MYC")]
    assert sets[0].notes == ("the file has no description column: TP53 beside the name is a gene and counts as one",)
    sets, _ = said("a.gmt", "A\tTP53\nB\tEGFR\tMYC\nC\tBAX\tFAS\n")
    assert sets[0].genes == ("TP53",), "a set of one gene"
    for text in ("A\tTP53\tMDM2\nB\t\tMYC\n", "A\tof TP53\tMDM2\nB\tTP53\tMYC\nC\tof BAX\tFAS\n"):
        sets, _ = said("a.gmt", text)
        assert [len(item.genes) for item in sets] == [1] * len(sets), "the file has descriptions"
        assert [note for item in sets for note in item.notes] == [
            "TP53 beside the name is taken for the description, though a gene has that name"
        ]
    sets, _ = said("a.gmt", "A\t2\t7157\t4193\nB\t3\t581\t355\t1956\n")
    assert [item.genes for item in sets] == [("7157", "4193"), ("581", "355", "1956")], "sizes are no Entrez ids"
    sets, _ = said("a.gmt", "A\t\u00b93\tTP53\tMDM2\n")
    assert sets[0].genes == ("TP53", "MDM2"), "digits that are no number"
    sets, _ = said("a.gmt", "A\t15\tTP53\tMDM2\nB\t12\tBAX\tFAS\n")
    assert [item.genes for item in sets] == [("TP53", "MDM2"), ("BAX", "FAS")], "numbers beside symbols are no genes"


def test_what_a_file_holds_goes_before_its_name():
    sets, notes = said("a.grp", "X\td\tTP53\tMDM2\n")
    assert sets[0].name == "X" and notes == ["is read as a GMT, which it holds, whatever its name ends in"]
    sets, notes = said("a.gmt", "TP53\nMDM2\n")
    assert (sets[0].name, sets[0].genes) == ("a", ("TP53", "MDM2"))
    assert notes == ["is read as a list of genes, which it holds, whatever its name ends in"]
    sets, notes = said("a.gmt", "X,na,TP53,MDM2\n")
    assert sets[0].genes == ("TP53", "MDM2") and notes == ["its cells are separated by commas, not by tabs"]
    sets, _ = said("a.csv", "set,gene,direction\nX,TP53,Up-regulated\nX,MDM2,-1\n")
    assert [(item.name, item.genes) for item in sets] == [("X_UP", ("TP53",)), ("X_DN", ("MDM2",))]
    sets, notes = said("a.txt", "X\tTP53\nX\tMDM2\nY\tBAX\n")
    assert [(item.name, item.genes) for item in sets] == [("X", ("TP53", "MDM2")), ("Y", ("BAX",))]
    assert notes == ["there is no header line: the first column names the sets, the second the genes"]
    sets, notes = said("a.txt", "TP53\ttumor protein p53\nMDM2\tMDM2 proto-oncogene\n")
    assert sets[0].genes == ("TP53", "MDM2")
    assert sets[0].notes == ("the first column holds the genes; the second was left out",)


def test_several_genes_in_a_cell():
    sets, _ = said("a.gmt", "X\tna\tTP53 /// MDM2\tBAX\n")
    assert sets[0].genes == ("TP53", "MDM2", "BAX")
    assert sets[0].notes == ("1 more gene stands in cells that name several; each counts",)


def test_notes_of_sets_go_with_their_queries():
    sets, _ = said("a.gmt", "X_UP\t\tTP53,1.0\tMDM2,1.0\nX_DN\t\tBAX\tFAS\n")
    (query,) = pair_sets(sets)
    assert query.notes == ("up set: 2 genes carry a weight (such as TP53,1.0), which was taken off",)


def test_standard_input(monkeypatch):
    class Stream:
        buffer = io.BytesIO(gzip.compress(b"TP53\nMDM2\n"))

    monkeypatch.setattr("sys.stdin", Stream)
    for _ in range(2):
        (found,) = read_gene_sets("-")
        assert (found.name, found.genes) == ("signature", ("TP53", "MDM2"))


def test_other_encodings_are_said(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("beadwork"), "propagate", True)
    path = write(tmp_path, "a.gmt", "Größe_UP\t… – µ\tTP53\tMDM2\n".encode("cp1252"))
    (found,) = read_gene_sets(path)
    assert found.name == "Größe_UP"
    assert caplog.messages == [
        f"{path}: is not UTF-8; read as Windows-1252: check letters beyond ASCII, or save it as UTF-8"
    ]


TEN = ("TP53", "EGFR", "MYC", "KRAS", "CDKN1A", "RB1", "PTEN", "BRAF", "NRAS", "ESR1")


@pytest.mark.parametrize(("name", "mark"), [("a.gmx", "\t"), ("a.tsv", "\t"), ("a.csv", ","), ("a.txt", ";")])
def test_columns_of_genes_below_their_names_need_no_description(name, mark):
    up, down = TEN[:6], TEN[6:]
    lines = [("X_UP", "X_DN"), *((gene, down[at] if at < len(down) else "") for at, gene in enumerate(up))]
    found = parse_gene_sets(name, "\n".join(map(mark.join, lines)).encode())
    assert [(item.name, item.genes) for item in found.sets] == [("X_UP", up), ("X_DN", down)]
    assert "has no line of descriptions: TP53 below X_UP is a gene and counts as one" in found.notes


@pytest.mark.parametrize("mark", [", ", ";", " "])
@pytest.mark.parametrize("wide", [2, 3, 4])
def test_a_list_that_goes_on_over_lines_is_one_list(mark, wide):
    lines = [mark.join(TEN[at : at + wide]) for at in range(0, len(TEN), wide)]
    found = parse_gene_sets("mine.txt", "\n".join(lines).encode())
    assert [(item.name, item.genes) for item in found.sets] == [("mine", TEN)]
    if mark != " ":
        assert f"its {len(lines)} lines of genes are one list" in found.notes[0]
    if mark == ", " and wide > 2:  # a GMT may name sets by genes
        assert [item.name for item in parse_gene_sets("mine.gmt", "\n".join(lines).encode()).sets] == [*TEN[::wide]][:3]


@pytest.mark.parametrize(
    "heads", [("up", "down"), ("UP", "DN"), ("Upregulated", "Downregulated genes"), ("up-genes", "down_genes")]
)
@pytest.mark.parametrize(("name", "mark"), [("a.gmx", "\t"), ("a.csv", ","), ("a.txt", ";")])
def test_columns_that_are_named_by_their_side_are_one_question(heads, name, mark):
    up, down = TEN[:6], TEN[6:]
    lines = [heads, *((gene, down[at] if at < len(down) else "") for at, gene in enumerate(up))]
    found = parse_gene_sets(name, "\n".join(map(mark.join, lines)).encode())
    assert [(query.name, query.up, query.down) for query in pair_sets(found.sets)] == [("a", up, down)]


@given(
    st.sampled_from([",{}", ";{}", ", {}", ":{}", ": {}", " ({})", "({})"]), st.sampled_from(["0.5", "-1.25", "1.0e-3"])
)
def test_weights_are_taken_off_however_they_are_written(form, weight):
    text = "X\tna\t" + "\t".join(gene + form.format(weight) for gene in TEN)
    found = parse_gene_sets("a.gmt", text.encode())
    assert found.sets[0].genes == TEN and "10 genes carry a weight" in found.sets[0].notes[0]


def test_ids_with_a_colon_are_no_genes_with_weights():
    ids = ("HGNC:3236", "GeneID:1956", "hsa:7157")
    assert parse_gene_sets("a.gmt", ("X\tna\t" + "\t".join(ids)).encode()).sets[0].genes == ids


@pytest.mark.parametrize("text", ['{"X": ["TP53", "EGFR"]}', '[{"name": "X"}]', '["TP53", "EGFR"]', ' {\n "X": 1\n}'])
def test_json_is_refused(text):
    with pytest.raises(GeneSetError, match=r"is JSON, not gene sets as lines of text; fetch or save them as GMT"):
        parse_gene_sets("a.json", text.encode())
