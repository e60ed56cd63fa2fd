"""Matrix and check_matrix: what is held together, and the messages when it is not."""

import numpy as np
import pandas as pd
import pytest

from beadwork.model.errors import AlignmentError, LevelError, name_some
from beadwork.model.matrix import SPACE_SIZES, Level, Matrix, Space, check_matrix
from toys import plain_matrix


def test_values_are_float32_and_cannot_be_changed():
    matrix = plain_matrix()
    assert matrix.values.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        matrix.values[0, 0] = 1
    with pytest.raises(AttributeError):
        matrix.level = Level.GEX


def test_the_callers_array_stays_writeable():
    values = np.zeros((1, 1), dtype=np.float32)
    Matrix(values, pd.DataFrame(index=["g"]), pd.DataFrame(index=["s"]))
    values[0, 0] = 1


def test_a_matrix_is_shown_in_one_line_and_in_a_notebook_with_a_corner():
    matrix = plain_matrix(level=Level.QNORM)
    assert repr(matrix) == "<Matrix QNORM 3 x 4, 1 row and 1 column fields>"
    assert repr(plain_matrix(2000, 1)) == "<Matrix 2,000 x 1, 1 row and 1 column fields>"
    shown = plain_matrix(9, 9)._repr_html_()
    assert "&lt;Matrix 9 x 9" in shown and "<td>40.0</td>" in shown and "g5" not in shown


def test_frames_and_anndata_hold_what_the_matrix_holds():
    matrix = plain_matrix(level=Level.QNORM)
    frame = matrix.to_frame()
    assert list(frame.index) == list(matrix.rids) and list(frame.columns) == list(matrix.cids)
    np.testing.assert_array_equal(frame.to_numpy(), matrix.values)
    adata = matrix.to_anndata()
    np.testing.assert_array_equal(adata.X, matrix.values.T)
    assert adata.uns["level"] == "QNORM" and list(adata.var["symbol"]) == list(matrix.rows["symbol"])


def test_shape_and_ids_must_agree():
    ids = {"rows": pd.DataFrame(index=["a", "b"]), "cols": pd.DataFrame(index=["x"])}
    with pytest.raises(AlignmentError, match=r"matrix of shape \(1, 2\) does not fit 2 row ids and 1 column ids"):
        Matrix(np.zeros((1, 2)), **ids)
    with pytest.raises(AlignmentError, match="row ids must be unique; repeated: a"):
        Matrix(np.zeros((2, 1)), pd.DataFrame(index=["a", "a"]), ids["cols"])
    with pytest.raises(AlignmentError, match="column ids must be unique; repeated: x"):
        Matrix(np.zeros((2, 2)), ids["rows"], pd.DataFrame(index=["x", "x"]))


def test_taking_rows_and_columns():
    matrix = plain_matrix(level=Level.INF, provenance={"command": "infer"})
    part = matrix.take_rows(["g2", "g0"]).take_cols(["P:A04", "P:A01"])
    np.testing.assert_array_equal(part.values, [[11, 8], [3, 0]])
    assert part.rows["symbol"].tolist() == ["S2", "S0"]
    assert (part.level, part.provenance) == (Level.INF, {"command": "infer"})
    masked = matrix.take_cols(np.array([False, True, False, True]))
    assert masked.cids.tolist() == ["P:A02", "P:A04"]
    with pytest.raises(AlignmentError, match="2 row ids are not in the matrix: no, nor"):
        matrix.take_rows(["no", "g1", "nor"])
    with pytest.raises(AlignmentError, match="column ids are not in the matrix: Z99"):
        matrix.take_cols(["Z99"])


def test_a_choice_of_rows_is_in_the_space_that_is_named():
    matrix = plain_matrix(978, 1, space=Space.LM)
    assert matrix.take_rows(matrix.rids[:3]).space is None
    assert matrix.take_rows(matrix.rids[::-1], space=Space.LM).space is Space.LM


def test_plate():
    assert plain_matrix().plate == "P"
    matrix = plain_matrix()
    assert matrix.with_values(matrix.values, cols=matrix.cols.assign(det_plate="Q")).plate == "Q"


@pytest.mark.parametrize("level", list(Level))
def test_levels(level):
    matrix = plain_matrix(level=level)
    check_matrix(matrix, level=level)
    check_matrix(matrix, level=list(Level))
    other = Level.GEX if level is not Level.GEX else Level.MODZ
    with pytest.raises(LevelError, match=f"in.gctx: holds level {level}, but {other} is needed here; give the {other}"):
        check_matrix(matrix, level=other, what="in.gctx")
    check_matrix(plain_matrix(), level=level)


@pytest.mark.parametrize("space", list(Space))
def test_spaces(space):
    check_matrix(plain_matrix(SPACE_SIZES[space], 1, space=space), space=space)
    with pytest.raises(
        LevelError, match=f"says it is in space {space} of .* genes, but has 3 rows; make the file anew"
    ):
        check_matrix(plain_matrix(space=space))
    with pytest.raises(
        LevelError, match=f"is in a gene space that is none of LM, BING and AIG .3 rows., but {space} is"
    ):
        check_matrix(plain_matrix(), space=space)
    other = Space.LM if space is not Space.LM else Space.AIG
    with pytest.raises(LevelError, match=rf"is in space {space} \(\d+ rows\), but {other} is needed here"):
        check_matrix(plain_matrix(SPACE_SIZES[space], 1, space=space), space=other)


def test_finite():
    matrix = plain_matrix()
    values = matrix.values.copy()
    values[1, 2], values[2, 0] = np.nan, np.inf
    with pytest.raises(AlignmentError, match=r"x: missing or infinite values in 2 rows \(g1, g2\); fill or drop them"):
        check_matrix(matrix.with_values(values), finite=True, what="x")
    check_matrix(matrix.with_values(values))


def test_name_some():
    assert name_some("ab") == "a, b"
    assert name_some(range(9)) == "0, 1, 2, 3, 4, ... (9 in all)"


@pytest.mark.parametrize(
    ("values", "level", "message"),
    [
        (np.full((5, 3), 900.0), Level.QNORM, "the median is 900, so these are linear intensities; QNORM is needed"),
        (np.full((200, 3), 8.0), Level.GEX, "no value is above 40, so these are no linear intensities; GEX is needed"),
        (np.full((200, 3), 8.0), (Level.ZSPC, Level.ZSVC), "no value is negative, so these are no z-scores; ZSPC or"),
    ],
)
def test_a_matrix_that_does_not_say_its_level_is_judged_by_its_values(values, level, message):
    rows, cols = (
        pd.DataFrame(index=[f"{kind}{i}" for i in range(n)]) for kind, n in zip("gs", values.shape, strict=True)
    )
    matrix = Matrix(values, rows, cols)
    with pytest.raises(LevelError, match=f"x.gct: does not say its level, and {message}"):
        check_matrix(matrix, level=level, what="x.gct")


def test_small_matrices_of_unknown_level_have_any_values_and_missing_ones_do_not_count():
    small = Matrix([[1, 2], [3, 100]], pd.DataFrame(index=["a", "b"]), pd.DataFrame(index=["x", "y"]))
    for level in (Level.GEX, Level.INF, Level.ZSPC):
        check_matrix(small, level=level)
    check_matrix(small.with_values(np.full((2, 2), np.nan)), level=Level.GEX)
