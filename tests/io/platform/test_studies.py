"""The table of studies."""

import pytest

from beadwork.io.platform.folder import resource_path
from beadwork.io.platform.studies import read_studies
from beadwork.model.errors import FileError


def test_the_studies_that_the_shipped_model_rests_on():
    table = read_studies(resource_path("inference_studies.tsv"))
    assert len(table) == 58 and table["samples"].astype(int).sum() == 2151
    assert table["licence"].notna().all() and table.loc["quartet_L01", "two_colour"] == "1"
    assert table.loc["TCGA_CRC_rnaseq", "study_group"] == table.loc["TCGA_READ_agilent", "study_group"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study\nA\n", "lacks the column"),
        ("dataset\ttwo_colour\nA\t1\nA\t0\n", "dataset A stands twice; one row a study is needed"),
        ("dataset\ttwo_colour\n\t1\n", "1 row names no dataset; fill in all"),
    ],
)
def test_bad_tables(tmp_path, text: str, message: str):
    (tmp_path / "s.tsv").write_text(text)
    with pytest.raises(FileError, match=message):
        read_studies(tmp_path / "s.tsv")
