"""``beadwork collect``."""

import pandas as pd


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
