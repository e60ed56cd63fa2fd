"""Controls, flags and filters of an index as a whole: what is null, what is ranked, and what a filter changes."""

from dataclasses import replace

import numpy as np
import pytest

from beadwork import ConnectivityIndex
from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import write_matrix
from beadwork.kernels.connectivity.max_quantile import max_quantile
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import AlignmentError, ParameterError
from beadwork.stages.connectivity.filters import filter_signatures
from toys import make_signatures

TYPES = ("ctl_vehicle", "CTL_VECTOR", "ctl_untrt", "ctl_untrt.cns", "ctl_vehicle")


def build(folder, info, matrix, **options):
    folder.mkdir(exist_ok=True)
    write_matrix(matrix, folder / "x.gctx")
    write_table(info, folder / "siginfo.tsv")
    return ConnectivityIndex.build(folder / "index", folder / "x.gctx", folder / "siginfo.tsv", **options)


@pytest.fixture(scope="module")
def study():
    """150 signatures, every fifth a control of some type."""
    matrix, info = make_signatures()
    control = info["pert_type"] == "ctl_vehicle"
    info.loc[control, "pert_type"] = [TYPES[place % 5] for place in range(control.sum())]
    info.loc[control, ["pert_id", "pert_iname"]] = [[f"control {kind}"] * 2 for kind in info.loc[control, "pert_type"]]
    return matrix, info


@pytest.fixture(scope="module")
def index(study, tmp_path_factory):
    matrix, info = study
    return build(tmp_path_factory.mktemp("controls"), info, matrix)


def ask(index, **parameters):
    genes = index.genes["gene_id"].tolist()
    return index.query_many([Query("q", tuple(genes[:30]), tuple(genes[30:60]))], **parameters)


def test_controls_are_null_and_never_ranked(index):
    result = ask(index)
    assert result.report["null_types"].tolist() == ["ctl_untrt: 6, ctl_untrt.cns: 6, ctl_vector: 6, ctl_vehicle: 12"]
    assert index.info()["null_signatures"] == 30
    for level in result.roll_up():
        if "pert_type" in level.table:
            assert set(level.table["pert_type"]) <= {"trt_cp"}
    named = ask(index, null_type=("CTL_Vehicle",))
    assert named.report["null_types"].tolist() == ["ctl_vehicle: 12"]
    assert set(named.perturbagens()["pert_iname"]) == {f"drug-{number}" for number in range(12)}, (
        "the others are controls"
    )
    assert set(named.groups.set_index("pert_type")["n_reference"].drop("trt_cp")) == {0}
    from beadwork.api.index.asking.query_page import query_page

    page = query_page(result, 0, result.roll_up())
    assert "Null signatures: 6 untreated, 6 untreated consensus, 6 vector, 12 vehicle;" in page
    assert "pert_iname" not in page and "sig_id" not in page and "n_signatures" not in page


@pytest.mark.parametrize(
    ("yes", "no", "missing"),
    [
        ("TRUE", "FALSE", ""),
        ("T", "F", "NA"),
        ("yes", "No", "-666"),
        ("1.0", "0.0", ""),
        ("1", "0", "nan"),
        ("y", "n", ""),
    ],
)
def test_flags_are_read_in_any_spelling(study, tmp_path, yes, no, missing):
    """Flagged null signatures are null whatever their type; the type counts where the flag is missing."""
    matrix, info = study
    flags = np.array([no] * 150, dtype=object)
    flags[:7] = yes
    flags[100:] = missing
    info = info.assign(is_null_sig=flags, is_ncs_sig=np.where(np.arange(150) % 2, yes, no), is_gold=flags)
    index = build(tmp_path, info, matrix, background=0)
    result = ask(index)
    control = info["pert_type"].str.lower().str.startswith("ctl").to_numpy()
    expected = np.r_[np.ones(7, bool), np.zeros(93, bool), control[100:]]
    assert index.info()["null_signatures"] == expected.sum()
    rolled = result.roll_up()[1].table["n_signatures"].sum()
    assert rolled == (~expected & ~control).sum(), "a control is no treatment, flagged or not"
    gold = index.siginfo["is_gold"].to_numpy(float)
    np.testing.assert_array_equal(gold, np.r_[np.ones(7), np.zeros(93), np.full(50, np.nan)])
    assert len(ask(index, where="is_gold=TRUE").table()) == len(ask(index, where="is_gold=1").table()) == 7
    assert result.groups["n_reference"].sum() == 75


@pytest.mark.parametrize("field", ["is_null_sig", "is_ncs_sig", "is_gold", "is_hiq"])
def test_a_flag_that_is_none_is_refused(study, tmp_path, field):
    matrix, info = study
    flags = ["TRUE"] * 149 + ["maybe"]
    message = rf"siginfo.tsv: row 150 \(TOY001.*\): {field} is 'maybe'; TRUE/FALSE, T/F, yes/no or 1/0 is needed"
    with pytest.raises(AlignmentError, match=message):
        build(tmp_path, info.assign(**{field: flags}), matrix)
    assert not (tmp_path / "index").exists()
    cols = info.set_index("sig_id").assign(**{field: flags}).rename_axis(index=None)
    write_matrix(replace(matrix, cols=cols), tmp_path / "y.gctx")
    with pytest.raises(AlignmentError, match=rf"y.gctx: row 150 \(TOY001.*\): {field} is 'maybe'"):
        ConnectivityIndex.build(tmp_path / "index", tmp_path / "y.gctx")


def test_filters_hold_for_roll_ups_and_for_their_tau(index):
    """Scores, counts and tau of the perturbagens that a filter leaves, against loops over the index's own arrays."""
    result = ask(index, where=["cell_id=mcf7", "tas>=0.3"])
    info = index.siginfo.reset_index(drop=True)
    shown = ((info["cell_id"] == "MCF7") & (info["tas"] >= 0.3) & (info["pert_type"] == "trt_cp")).to_numpy()
    ncs = result.connections.ncs[0]
    background = np.concatenate(list(index.store.background_scores))
    table = result.perturbagens()
    assert 0 < table["n_signatures"].sum() == shown.sum() < (info["pert_type"] == "trt_cp").sum()
    assert (table["n_cells"] == 1).all() and table["tau"].notna().all()
    for row in table.itertuples():
        own = np.flatnonzero(shown & (info["pert_iname"] == row.pert_iname).to_numpy())
        assert row.n_signatures == len(own)
        assert row.ncs == pytest.approx(max_quantile(ncs[own]), rel=1e-5)
        assert row.median_ncs == pytest.approx(np.median(ncs[own]), rel=1e-5)
        assert (row.n_positive, row.n_negative) == ((ncs[own] > 0).sum(), (ncs[own] < 0).sum())
        others = np.array([abs(max_quantile(column)) for column in background[own].T])
        assert row.tau == pytest.approx(np.sign(row.ncs) * 100 * (others < abs(max_quantile(ncs[own]))).mean(), abs=1)
    note = result.notes(0)[-1]
    assert note.startswith(
        f"filter cell_id=mcf7 and tas>=0.3: {result.n_shown} of 150 signatures are shown, with their"
    )
    assert "rolled up from these alone, and so is the background of their tau" in note
    assert note in result.report["notes"][0]
    whole = ask(index)
    np.testing.assert_array_equal(whole.connections.ncs, result.connections.ncs)
    assert not any("filter" in text for text in whole.notes(0))


def test_type_names_of_filters_have_no_case(index):
    assert len(ask(index, where="pert_type=CTL_UNTRT").table()) == 6


def test_a_filter_that_leaves_controls_alone(index):
    result = ask(index, where="pert_type=ctl_vector")
    assert len(result.table()) == 6 and len(result.perturbagens()) == 0


def test_recall_keeps_types_apart(study, tmp_path):
    from beadwork.api.index.introspect import introspect
    from beadwork.io.files.tables import read_table

    matrix, info = study
    info = info.copy()
    treated = np.flatnonzero(info["pert_type"] == "trt_cp")
    info.loc[treated, ["pert_iname", "pert_id"]] = ["g", "g"]
    info.loc[treated[::2], "pert_type"] = "trt_oe"
    introspect(build(tmp_path / "apart", info, matrix), tmp_path / "answers")
    table = read_table(tmp_path / "answers" / "recall.tsv").sort_values("pert_type")
    halves = [len(treated[1::2]), len(treated[::2])]
    assert table[["pert_iname", "pert_type", "n_signatures"]].to_numpy().tolist() == [
        ["g", "trt_cp", halves[0]], ["g", "trt_oe", halves[1]],
    ]  # fmt: skip


def test_a_control_by_another_name_is_reported(study, tmp_path, caplog):
    matrix, info = study
    info = info.assign(pert_type=info["pert_type"].replace({"ctl_vehicle": "DMSO", "ctl_untrt": "control"}))
    build(tmp_path, info, matrix)
    assert "pert_type control (6), dmso (12): not a type of CMap's" in caplog.text


@pytest.mark.parametrize(
    "text", ["cell_id=>A375", "cell_id=!A375", "tas=<0.2", "cell_id", "cell_id=", "=A375", "tas>>0.2"]
)
def test_filters_that_cannot_be_read_are_refused_as_such(index, text):
    with pytest.raises(ParameterError, match="field=value, field!=value or field>=number is needed"):
        filter_signatures(index.siginfo, [text])


def test_two_equals_signs_are_one(index):
    cell = str(index.siginfo["cell_id"].iloc[0])
    one, two = (filter_signatures(index.siginfo, [f"cell_id {sign} {cell}"]) for sign in ("=", "=="))
    assert one.any() and (one == two).all()
