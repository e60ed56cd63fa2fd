"""Gene-set files: every format, pairing, safe names, and the messages of bad files."""

import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.io.connectivity.gene_sets import (
    base_name,
    file_names,
    pair_sets,
    read_gene_sets,
    read_signatures,
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
        ("a.gmt", "X\td\t1\n\td\t2\n", "line 2 has no set name in its first cell"),
        ("a.gmt", "X\td\t1\nX\td\t2\n", "sets stand twice: X; rename or remove them"),
        ("a.gmt", "X\td\t\t\n", "set X holds no genes; remove it or fill it"),
        ("a.gmt", "X\td\t" + "\t".join(str(i) for i in range(20_001)), "set X holds 20,001 genes; at most 20,000 are"),
        ("a.gmt", b"X\td\t1\x00", "is not a text file; gene sets are GMT, GMX, GRP or TSV"),
        ("a.csv", "X,d,1", "unknown kind of gene sets; the name must end in .gmt, .gmx, .grp, .tsv, .txt"),
        ("a.gmt.gz", b"\x1f\x8b\x08damaged", "damaged gzip file"),
        ("a.gmx", "X\nd\n", "a GMX file holds names, descriptions and then genes, but has 2 lines"),
        ("a.gmx", "X\nd\n1\t2\n", "line 3 has more columns than the 1 names of line 1"),
        ("a.grp", "X\td\t1\n", "a GRP file holds one gene a line, but there are tabs; is it a GMT?"),
        ("a.tsv", "set\tid2\nX\t1\n", "a table of gene sets needs a column named gene (and set, direction)"),
        (
            "a.tsv",
            "set\tgene\tdirection\nX\t1\tsideways\n",
            "row 2: direction 'sideways'; up or down (1 or -1) is needed",
        ),
        ("a.grp", "# only a comment\n", "set a holds no genes; remove it or fill it"),
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
        ("LONE_DN", ("LONE_DN",), ()),
        ("C", ("C",), ()),
    ]
    with pytest.raises(
        GeneSetError, match=r"2 up sets \(A, B\) and 1 down sets \(C\) share no name and differ in number"
    ):
        pair_sets(sets("A", "B"), sets("C"))
    with pytest.raises(GeneSetError, match="sets A_UP and A have the same name without _UP and _DN; rename one"):
        pair_sets(sets("A_UP", "A"), sets("A_DN"))


def test_sides():
    assert (set_side("X_UP"), set_side("x_dn"), set_side("X.down"), set_side("GROUP")) == ("up", "down", "down", None)
    assert base_name("FRASOR_ER_DN") == "FRASOR_ER" and base_name("UP") == "UP"


def test_signatures(tmp_path):
    table = read_signatures(
        write(tmp_path, "de.tsv", "symbol\tbaseMean\tlog2FoldChange\nTP53\t9\t1.5\nMDM2\t8\tNA\nTP53\t1\t-2\n")
    )
    assert [(item.name, dict(item.profile)) for item in table] == [("de", {"TP53": -2.0})]
    gct = read_signatures(
        write(tmp_path, "s.gct", "#1.2\n2\t2\nNAME\tDescription\tone\ttwo\n1\tx\t0.5\t1\n2\ty\t-0.5\t2\n")
    )
    assert [(item.name, dict(item.profile)) for item in gct] == [
        ("one", {"1": 0.5, "2": -0.5}),
        ("two", {"1": 1, "2": 2}),
    ]
    with pytest.raises(GeneSetError, match=r"needs a gene column .* and a value column .*; it has symbol, p"):
        read_signatures(write(tmp_path, "p.tsv", "symbol\tp\nTP53\t1\n"))
    with pytest.raises(GeneSetError, match="column logFC holds no numbers"):
        read_signatures(write(tmp_path, "w.tsv", "symbol\tlogFC\nTP53\thigh\n"))
    with pytest.raises(GeneSetError, match="the signature holds no values"):
        read_signatures(write(tmp_path, "n.tsv", "symbol\tlogFC\nTP53\tNA\n"))


@given(st.lists(st.text(min_size=0, max_size=12), max_size=8))
def test_file_names_are_safe_and_distinct(names):
    found = file_names(names, ("queries",))
    assert len({name.lower() for name in found} | {"queries"}) == len(names) + 1
    for name in found:
        assert re.fullmatch(r"[A-Za-z0-9+=@,][A-Za-z0-9._+=@,-]*", name), name
