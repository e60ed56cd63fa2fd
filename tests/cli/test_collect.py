"""``beadwork collect``."""

import gzip
import tempfile
import tracemalloc
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from beadwork.api.runs.collect import collect_tables
from beadwork.io.files.tables import read_table, write_table
from beadwork.model.qc import current_names, numeric_values
from beadwork.stages.plates.wide import wide_tables


def test_tables_are_stacked_and_columns_united(run, tmp_path):
    (tmp_path / "a.tsv").write_text("sig_id\ttas\nx\t0.10\n")
    (tmp_path / "b.tsv").write_text("sig_id\ttas\tdose\ny\t0.2\t10\n")
    assert run("collect", tmp_path / "a.tsv", tmp_path / "b.tsv", "-o", tmp_path / "all.tsv").code == 0
    assert (tmp_path / "all.tsv").read_text() == "sig_id\ttas\tdose\nx\t0.10\t\ny\t0.2\t10\n"


def test_a_table_without_rows_keeps_its_columns(run, tmp_path):
    (tmp_path / "a.tsv").write_text("entity\tstage\n")
    assert run("collect", tmp_path / "a.tsv", "-o", tmp_path / "all.tsv").code == 0
    assert list(pd.read_csv(tmp_path / "all.tsv", sep="\t").columns) == ["entity", "stage"]


def test_tables_of_two_kinds_are_refused_and_nothing_is_written(run, tmp_path):
    (tmp_path / "a.tsv").write_text("sig_id\ttas\nx\t1\n")
    (tmp_path / "b.tsv").write_text("entity\tstage\ny\tz\n")
    done = run("collect", tmp_path / "a.tsv", tmp_path / "b.tsv", "-o", tmp_path / "all.tsv")
    assert done.code == 2
    assert done.err == (
        f"beadwork: error: {tmp_path}/b.tsv: its first column is entity, but that of {tmp_path}/a.tsv is sig_id; "
        "merge tables of one kind\n"
    )
    assert not (tmp_path / "all.tsv").exists()


QC = "entity\tstage\tmetric\tvalue\tlower\tupper\tpass\n"


def test_joined_qc_rows_have_numbers_in_value_and_wide_tables(run, tmp_path):
    (tmp_path / "a.tsv").write_text(f"{QC}P1\tdeconvolve\twells_read\t2\t\t\tTrue\n")
    (tmp_path / "b.tsv").write_text(
        f"{QC}P1:A01\tnormalize\toutlier\tqc_slope 12\t\t\tFalse\nP1:A02\tnormalize\tqc_slope\t61.50\t\t\tTrue\n"
    )
    out = [tmp_path / name for name in ("qc.tsv", "wells.tsv", "plates.tsv")]
    done = run("collect", tmp_path / "a.tsv", tmp_path / "b.tsv", "-o", out[0], "--wells", out[1], "--plates", out[2])
    assert done.code == 0, done.err
    assert out[0].read_text() == (
        f"{QC[:-1]}\tnote\nP1\tdeconvolve\twells_read\t2\t\t\tTrue\t\n"
        "P1:A01\tnormalize\toutlier\t\t\t\tFalse\tqc_slope 12\nP1:A02\tnormalize\tqc_slope\t61.50\t\t\tTrue\t\n"
    )
    assert out[1].read_text() == (
        "det_plate\tdet_well\tqc_slope\toutlier\tfailed\nP1\tA01\t\tqc_slope 12\toutlier\nP1\tA02\t61.5\t\t\n"
    )
    assert out[2].read_text() == "det_plate\twells_read\tfailed\tmedian_qc_slope\twells_failed\nP1\t2\t\t61.5\t1\n"
    assert run("collect", out[0], "-o", tmp_path / "again.tsv").code == 0
    assert (tmp_path / "again.tsv").read_text() == out[0].read_text()


def test_wide_tables_are_made_of_qc_rows_only(run, tmp_path):
    (tmp_path / "a.tsv").write_text("sig_id\ttas\nx\t0.10\n")
    done = run("collect", tmp_path / "a.tsv", "-o", tmp_path / "o.tsv", "--wells", tmp_path / "w.tsv")
    assert done.code == 2
    assert done.err == (
        f"beadwork: error: {tmp_path}/a.tsv: holds no QC rows (entity, stage, metric, value, lower, upper, pass), "
        "as --wells and --plates need\n"
    )
    assert not (tmp_path / "o.tsv").exists()


ENTITIES = st.sampled_from(
    ["P1", "P2", "P10", "P1:A01", "P1:A02", "P2:A01", "P10:B03", "B:BRD-K1:10", "BREW", "HDAC", "P3:A01"]
)
ROWS = st.tuples(
    ENTITIES,
    st.sampled_from(["deconvolve", "normalize", "zscore", "zscore_vehicle", "check_plates"]),
    st.sampled_from(["wells_read", "count_mean", "qc_slope", "outlier", "n_population", "moved", "tas"]),
    st.sampled_from(["", "1", "2", "61.50", "1e-05", "0.1", "qc_slope 12", "=cmd", "True"]),
    st.sampled_from(["", "0.5"]),
    st.sampled_from(["True", "False", ""]),
)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(st.lists(ROWS, max_size=8), min_size=1, max_size=5))
def test_a_part_at_a_time_gives_the_bytes_of_all_at_once(parts):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [folder / f"part{number}.tsv" for number in range(len(parts))]
        for path, rows in zip(paths, parts, strict=True):
            lines = ["\t".join([entity, stage, metric, value, lower, "", passes])
                     for entity, stage, metric, value, lower, passes in rows]  # fmt: skip
            path.write_text(QC + "".join(f"{line}\n" for line in lines))
        collect_tables(paths, folder / "qc.tsv", wells=folder / "wells.tsv", plates=folder / "plates.tsv")
        joined = pd.concat([read_table(path, text_only=True) for path in paths], ignore_index=True)
        joined = numeric_values(current_names(joined))
        for table, place in zip((joined, *wide_tables(joined)), ("qc", "wells", "plates"), strict=True):
            write_table(table, folder / "expected.tsv")
            assert (folder / f"{place}.tsv").read_bytes() == (folder / "expected.tsv").read_bytes()
        assert {path.name for path in folder.iterdir() if path.is_dir()} == set()


def test_columns_that_come_later_stand_in_all_rows(run, tmp_path):
    (tmp_path / "a.tsv").write_text(
        "sig_id\ttas\t\nx\t0.10\t\n"
    )  # a column without name and values, as spreadsheets leave
    (tmp_path / "b.tsv").write_text("sig_id\tdose\ttas\ny\t10\t0.2\n")
    with gzip.open(tmp_path / "c.tsv.gz", "wt") as file:
        file.write("# a comment\nsig_id\tcell\nz\tA375\n")
    parts = [tmp_path / name for name in ("a.tsv", "b.tsv", "c.tsv.gz")]
    assert run("collect", *parts, "-o", tmp_path / "all.tsv").code == 0
    assert (tmp_path / "all.tsv").read_text() == "sig_id\ttas\tdose\tcell\nx\t0.10\t\t\ny\t0.2\t10\t\nz\t\t\tA375\n"
    assert run("collect", *parts, "-o", tmp_path / "all.tsv.gz").code == 0
    assert gzip.decompress((tmp_path / "all.tsv.gz").read_bytes()) == (tmp_path / "all.tsv").read_bytes()


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """Five times the plates take little more: the rows of a plate are dropped when they are written."""
    line = "".join(f"P{{0}}:{row}{column:02d}\tnormalize\tqc_slope\t{{0}}.5{column}\t\t\tTrue\n"
                   for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25))  # fmt: skip

    def peak(count: int) -> int:
        paths = []
        for number in range(count):
            paths.append(tmp_path / f"{number}.tsv")
            paths[-1].write_text(QC + line.format(number))
        tracemalloc.start()
        collect_tables(paths, tmp_path / "qc.tsv", wells=tmp_path / "wells.tsv", plates=tmp_path / "plates.tsv")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)  # imports
    assert peak(20) < 3 * peak(4)  # all rows at once: five times
