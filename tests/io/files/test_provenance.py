"""Records of how a matrix came to be: complete, and free of what differs from run to run."""

import json

import numpy as np
import pandas as pd

from beadwork import __version__
from beadwork.cli.files import load_matrix, save_matrix
from beadwork.io.files.digest import digest_file
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.matrix.formats import read_provenance, write_matrix
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import ZscoreParams


def test_history_holds_every_step_once():
    first = make_provenance("deconvolve", {"method": "kmeans"}, {"lxb": [{"name": "A01.lxb", "digest": "x"}]})
    second = make_provenance("normalize", {}, {"matrix": [{"name": "G.gctx", "digest": "y"}]}, [first])
    merged = make_provenance("consensus", {}, {}, [second, second, {}])
    assert [step["command"] for step in merged["history"]] == ["deconvolve", "normalize"]
    assert all("history" not in step for step in merged["history"])
    assert merged["version"] == __version__
    assert merged["schema"] == 1
    assert json.loads(json.dumps(merged)) == merged


def test_a_saved_matrix_says_where_it_comes_from(tmp_path):
    matrix = Matrix(np.ones((2, 2)), pd.DataFrame(index=["1", "2"]), pd.DataFrame(index=["a", "b"]), Level.INF)
    write_matrix(matrix, tmp_path / "in.gctx")
    loaded = load_matrix(tmp_path / "in.gctx", level=Level.INF)
    for folder in ("here", "there"):
        save_matrix(
            loaded.with_values(loaded.values, level=Level.ZSPC), tmp_path / folder / "out.gctx", command="zscore",
            params=ZscoreParams(), options={"population": "plate"},
            inputs={"matrix": [input_record(tmp_path / "in.gctx")]}, sources=[loaded],
        )  # fmt: skip
    found = read_provenance(tmp_path / "here" / "out.gctx")
    assert found["inputs"] == {"matrix": [{"name": "in.gctx", "digest": digest_file(tmp_path / "in.gctx")}]}
    assert found["parameters"] == {**ZscoreParams().model_dump(), "population": "plate"}
    assert (tmp_path / "here" / "out.gctx").read_bytes() == (tmp_path / "there" / "out.gctx").read_bytes()
    assert str(tmp_path) not in json.dumps(found)
