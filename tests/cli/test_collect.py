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
