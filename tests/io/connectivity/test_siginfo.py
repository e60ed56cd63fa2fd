"""Tables of signatures, joined by sig_id."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from beadwork.io.connectivity.siginfo import read_siginfo
from beadwork.model.errors import AlignmentError, FileError


def table(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    data = text.replace(" ", "\t").encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def test_info_and_metrics_of_lincs_join_by_sig_id(tmp_path):
    info = table(tmp_path, "sig_info.txt.gz", "sig_id pert_id pert_iname pert_time\nA P1 one 24\nB P2 two 6\n")
    metrics = table(tmp_path, "sig_metrics.txt.gz", "sig_id pert_id tas is_gold\nB P2 0.5 0\nC P3 0.1 1\nA P1 0.25 1\n")
    found = read_siginfo([info, metrics])
    frame = found.table.set_index("sig_id")
    assert frame.loc["A"].to_dict() == {
        "pert_id": "P1",
        "pert_iname": "one",
        "pert_time": 24,
        "tas": 0.25,
        "is_gold": 1,
    }
    assert frame.loc["B", "tas"] == 0.5 and frame.loc["C", "pert_id"] == "P3" and pd.isna(frame.loc["C", "pert_iname"])
    assert len(found.digests) == 2
    turned = read_siginfo([metrics, info]).table.set_index("sig_id")
    pd.testing.assert_frame_equal(turned.loc[frame.index, frame.columns], frame, check_dtype=False)


def test_tables_of_other_signatures_are_added(tmp_path):
    one, two = table(tmp_path, "1.tsv", "sig_id pert_id\nA P1\n"), table(tmp_path, "2.tsv", "sig_id pert_id\nB P2\n")
    assert read_siginfo([one, two]).table.to_dict("list") == {"sig_id": ["A", "B"], "pert_id": ["P1", "P2"]}
    assert read_siginfo(None) is None and read_siginfo(()) is None


def test_what_one_table_lacks_the_other_gives(tmp_path):
    one = table(tmp_path, "1.tsv", "sig_id cell_id tas\nA -666 0.3\nB A375 -666\n")
    two = table(tmp_path, "2.tsv", "sig_id cell_id tas\nB A375 0.4\nA MCF7 0.30000001\n")
    assert read_siginfo([one, two]).table.to_dict("list") == {
        "sig_id": ["A", "B"], "cell_id": ["MCF7", "A375"], "tas": [0.3, 0.4],
    }  # fmt: skip


def test_contradictions_and_repetitions_are_refused(tmp_path):
    one = table(tmp_path, "1.tsv", "sig_id cell_id\nA A375\nB A375\n")
    two = table(tmp_path, "2.tsv", "sig_id cell_id\nA A375\nB MCF7\n")
    with pytest.raises(AlignmentError, match=r"2.tsv: cell_id of B is 'MCF7', but 'A375' in .*1.tsv \(1 signature"):
        read_siginfo([one, two])
    with pytest.raises(AlignmentError, match="siginfo: sig_id stand twice: A; keep one row each"):
        read_siginfo(table(tmp_path, "3.tsv", "sig_id cell_id\nA A375\nA MCF7\n"))
    with pytest.raises(FileError, match=r"lacks the column\(s\) sig_id"):
        read_siginfo(table(tmp_path, "4.tsv", "id cell_id\nA A375\n"))


def test_a_table_that_lacks_some_of_the_signatures_is_reported(tmp_path, caplog):
    info = table(tmp_path, "info.tsv", "sig_id pert_id\nA P1\nB P2\nC P3\n")
    found = read_siginfo([info, table(tmp_path, "metrics.tsv", "sig_id tas\nA 0.5\n")])
    assert found.table["tas"].isna().tolist() == [False, True, True]
    assert caplog.messages == [
        f"{tmp_path}/metrics.tsv: has no row for 2 of the 3 signatures of {tmp_path}/info.tsv (B, C); "
        "their tas stays missing"
    ]


def test_numbers_that_differ_are_shown_plainly(tmp_path):
    one, two = table(tmp_path, "1.tsv", "sig_id n\nA 3\nB 5\n"), table(tmp_path, "2.tsv", "sig_id n\nA 4\n")
    with pytest.raises(AlignmentError, match=r"2\.tsv: n of A is 4, but 3 in "):
        read_siginfo([one, two])
