"""Consensus signatures: groups, ids, controls, siginfo, golden values, refusals."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.gene_table import gene_table, with_entrez_ids
from beadwork.model.errors import AlignmentError, BeadworkError, LevelError
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import ConsensusParams
from beadwork.model.spaces import space_genes
from beadwork.stages.levels.consensus import consensus, group_instances, is_gold, join_plates
from toys import replicate_plate

LANDMARKS = space_genes(gene_table(), Space.LM)[:300]
WELLS = [f"{row}{number:02d}" for row in "ABCD" for number in range(1, 7)]


@pytest.fixture
def warnings_of(caplog, monkeypatch):
    """Messages that the stage has logged."""
    import logging

    monkeypatch.setattr(logging.getLogger("beadwork"), "propagate", True)
    return lambda: [record.getMessage() for record in caplog.records]


def three(**fields) -> list[Matrix]:
    return [replicate_plate(replicate, **fields) for replicate in (1, 2, 3)]


def test_signatures_of_treatments_and_of_control_wells():
    result = consensus(three(), landmarks=LANDMARKS)
    info = result.siginfo.set_index("sig_id")
    assert len(info) == 24 and (info["n_replicates"] == 3).all() and result.matrix.level is Level.MODZ
    assert info.index[:2].tolist() == ["TOY001_A375_24H:DMSO:A01", "TOY001_A375_24H:DMSO:A02"]
    row = info.loc["TOY001_A375_24H:BRD-3:0.1"]
    plates = [f"TOY001_A375_24H_X{k}_B20" for k in (1, 2, 3)]
    assert row["distil_id"] == "|".join(f"{name}:C01" for name in plates)
    assert row["det_plates"] == "|".join(plates)
    assert sum(float(weight) for weight in row["distil_wt"].split(",")) == pytest.approx(1, abs=2e-4)
    assert (row["pert_id"], row["pert_dose"], row["pert_dose_unit"], row["cell_id"]) == ("BRD-3", 0.1, "um", "A375")
    treated = info["pert_type"] == "trt_cp"
    assert info.loc[treated, "is_gold"].eq(1).all() and info.loc[~treated, "is_gold"].eq(0).all()
    assert info.loc[treated, "pct_self_rank_q25"].max() <= 5 < info.loc[~treated, "pct_self_rank_q25"].median()
    assert info.loc[treated, "tas"].min() > info.loc[~treated, "tas"].max()


def test_what_belongs_to_a_well_is_left_out_and_what_differs_is_missing():
    matrices = three()
    odd = matrices[1].cols.assign(pert_iname=[f"name{k}" for k in range(24)])
    matrices = [m.with_values(m.values, cols=m.cols.assign(pert_iname="name0")) for m in matrices]
    matrices[1] = matrices[1].with_values(matrices[1].values, cols=odd)
    info = consensus(matrices, landmarks=LANDMARKS).siginfo
    assert not {"det_plate", "det_well", "count_mean", "bead_batch"} & set(info.columns)
    assert info["rna_well"].notna().all()
    assert info["pert_iname"].notna().tolist() == [True] + [False] * 23


def test_columns_of_the_matrix_are_siginfo():
    result = consensus(three(), landmarks=LANDMARKS)
    assert result.matrix.cids.tolist() == result.siginfo["sig_id"].tolist()
    pd.testing.assert_frame_equal(
        result.matrix.cols.reset_index(drop=True), result.siginfo.drop(columns="sig_id"), check_names=False
    )
    assert set(result.qc["metric"]) == {"distil_nsample", "tas", "pct_self_rank_q25", "distil_cc_q75", "weight_max"}
    assert len(result.qc) == 5 * 24


def test_the_order_of_plates_and_genes_does_not_matter():
    plates = three()
    one = consensus(plates, landmarks=LANDMARKS)
    turned = [plates[2].take_rows(plates[2].rids[::-1]), plates[0], plates[1]]
    other = consensus(turned, landmarks=LANDMARKS)
    joined = consensus(join_plates(plates), landmarks=LANDMARKS)
    for again in (other, joined):
        np.testing.assert_array_equal(again.matrix.values, one.matrix.values)
        pd.testing.assert_frame_equal(again.siginfo, one.siginfo)


def test_a_brew_does_not_depend_on_another():
    alone = consensus(three(), landmarks=LANDMARKS)
    others = []
    for matrix in three(seed=5, brew_prefix="TOY002_MCF7_24H"):
        cols = matrix.cols.assign(det_plate=matrix.cols["det_plate"].str.replace("TOY001_A375", "TOY002_MCF7"))
        cols.index = cols.index.str.replace("TOY001_A375", "TOY002_MCF7")
        others.append(matrix.with_values(matrix.values, cols=cols))
    both = consensus([*others, *three()], landmarks=LANDMARKS)
    assert len(both.siginfo) == 48
    np.testing.assert_array_equal(both.matrix.take_cols(alone.matrix.cids).values, alone.matrix.values)
    pd.testing.assert_frame_equal(both.siginfo.iloc[:24], alone.siginfo)


def test_controls_by_the_letter_of_group_by():
    result = consensus(three(), landmarks=LANDMARKS, params=ConsensusParams(split_controls=False))
    info = result.siginfo.set_index("sig_id")
    assert len(info) == 19 and info.loc["TOY001_A375_24H:DMSO", "n_replicates"] == 18
    assert info.loc["TOY001_A375_24H:DMSO", "distil_wt"].count(",") == 17


def test_a_dropped_well_leaves_the_others():
    plates = [replicate_plate(1, drop=("A01", "C01")), replicate_plate(2), replicate_plate(3, drop=("C01",))]
    info = consensus(plates, landmarks=LANDMARKS).siginfo.set_index("sig_id")
    assert info.loc["TOY001_A375_24H:DMSO:A01", "n_replicates"] == 2
    single = info.loc["TOY001_A375_24H:BRD-3:0.1"]
    assert single["n_replicates"] == 1 and single["distil_wt"] == "1.0000"
    assert single[["distil_cc_q75", "tas", "pct_self_rank_q25", "is_gold"]].isna().all()
    assert single["ss_ngene"] > 0


def test_one_replicate_is_itself():
    source = replicate_plate(1)
    result = consensus(source, landmarks=LANDMARKS)
    np.testing.assert_allclose(result.matrix.values, np.clip(source.values, -10, 10), atol=1e-6)


def reliabilities_of(matrices: list[Matrix], values=1.0, genes: int = 200) -> list[Matrix]:
    """Reliabilities of the first genes: one value, or one for each plate."""
    per_plate = np.broadcast_to(values, len(matrices))
    return [
        Matrix(np.full((genes, len(m.cids)), value), m.rows.iloc[:genes], m.cols)
        for m, value in zip(matrices, per_plate, strict=True)
    ]


def test_equal_reliabilities_change_nothing():
    plain = consensus(three(), landmarks=LANDMARKS)
    carried = consensus(three(), landmarks=LANDMARKS, reliability=reliabilities_of(three(), 0.37))
    assert carried.matrix.values.tobytes() == plain.matrix.values.tobytes()
    pd.testing.assert_frame_equal(carried.siginfo, plain.siginfo)


def test_unreliable_scores_count_less_and_genes_without_one_as_before():
    plates = three()
    plain = consensus(plates, landmarks=LANDMARKS)
    reliability = reliabilities_of(plates, [1.0, 0.0, 0.0])
    carried = consensus(plates, landmarks=LANDMARKS, reliability=reliability[::-1])  # in any order
    np.testing.assert_array_equal(carried.matrix.values[200:], plain.matrix.values[200:])
    np.testing.assert_allclose(carried.matrix.values[:200], np.clip(plates[0].values[:200], -10, 10), rtol=1e-6)
    same = ["distil_wt", "distil_cc_q75", "pct_self_rank_q25", "distil_id"]
    pd.testing.assert_frame_equal(carried.siginfo[same], plain.siginfo[same])
    one = consensus(plates[0], landmarks=LANDMARKS, reliability=reliability[0])
    np.testing.assert_array_equal(one.matrix.values, consensus(plates[0], landmarks=LANDMARKS).matrix.values)


def test_reliabilities_that_do_not_fit_are_refused():
    plates = three()
    reliability = reliabilities_of(plates)
    with pytest.raises(
        AlignmentError, match=r"^24 samples have no reliability \(TOY001_A375_24H_X3_B20:A01, .*give --re"
    ):
        consensus(plates, landmarks=LANDMARKS, reliability=reliability[:2])
    with pytest.raises(
        AlignmentError, match=r"^24 samples stand in two --reliability files \(TOY001_A375_24H_X1_B20:A0"
    ):
        consensus(plates, landmarks=LANDMARKS, reliability=[*reliability, reliability[0]])
    with pytest.raises(AlignmentError, match=r"^--reliability: negative values; give what"):
        consensus(plates, landmarks=LANDMARKS, reliability=reliabilities_of(plates, -1.0))
    odd = [m.with_values(m.values, rows=m.rows.set_axis([f"g{k}" for k in range(200)], axis=0)) for m in reliability]
    with pytest.raises(AlignmentError, match=r"^--reliability: has none of the genes of the z-scores"):
        consensus(plates, landmarks=LANDMARKS, reliability=odd)


def test_replicates_within_a_plate_and_poscons_in_two_wells():
    source = replicate_plate(1)
    cols = source.cols.assign(pert_id=["BRD-1"] * 12 + ["BRD-2"] * 12, pert_dose=10.0, pert_type="trt_poscon")
    cols["pert_dose_unit"] = "um"
    info = consensus(source.with_values(source.values, cols=cols), landmarks=LANDMARKS).siginfo
    assert info["sig_id"].tolist() == ["TOY001_A375_24H:BRD-1:10", "TOY001_A375_24H:BRD-2:10"]
    assert info["n_replicates"].tolist() == [12, 12] and "rna_well" not in info


def test_doses_that_differ_in_float32_rounding_only_are_one():
    plates = three()
    plates[1] = plates[1].with_values(
        plates[1].values, cols=plates[1].cols.assign(pert_dose=plates[1].cols["pert_dose"].astype(np.float32))
    )
    info = consensus(plates, landmarks=LANDMARKS).siginfo.set_index("sig_id")
    assert len(info) == 24 and info.loc["TOY001_A375_24H:BRD-0:0.1", "pert_dose"] == 0.1


def test_ids_that_would_collide_get_what_distinguishes_them(warnings_of):
    source = replicate_plate(1)
    cols = source.cols.assign(pert_dose_unit=["um"] * 15 + ["nm"] * 9)
    cols["pert_id"], cols["pert_dose"], cols["pert_type"] = "BRD-1", 10.0, "trt_cp"
    info = consensus(source.with_values(source.values, cols=cols), landmarks=LANDMARKS).siginfo
    assert info["sig_id"].tolist() == ["TOY001_A375_24H:BRD-1:10:um:24", "TOY001_A375_24H:BRD-1:10:nm:24"]
    assert any("2 signatures differ in pert_dose_unit or pert_time only" in text for text in warnings_of())


def test_fields_that_a_map_need_not_have():
    plates = [
        m.with_values(m.values, cols=m.cols.drop(columns=["pert_dose", "pert_dose_unit", "pert_time"])) for m in three()
    ]
    info = consensus(plates, landmarks=LANDMARKS).siginfo
    assert "TOY001_A375_24H:BRD-3" in set(info["sig_id"]) and len(info) == 15


def test_plate_and_brew_come_from_the_ids_if_they_must():
    plates = [m.with_values(m.values, cols=m.cols.drop(columns=["det_plate", "brew_prefix"])) for m in three()]
    one, other = (consensus(item, landmarks=LANDMARKS) for item in (plates, three()))
    assert one.siginfo["sig_id"].tolist() == other.siginfo["sig_id"].tolist()
    np.testing.assert_array_equal(one.matrix.values, other.matrix.values)


def test_fields_of_ones_own_make_the_groups_and_the_ids():
    groups, keys = group_instances(three()[0].cols, ConsensusParams(group_by=("cell_id", "pert_time", "pert_id")))
    assert keys["sig_id"].tolist()[:2] == ["A375:24:DMSO:A01", "A375:24:DMSO:A02"]
    assert keys["sig_id"].tolist()[-1] == "A375:24:BRD-8" and groups.max() == 14


def test_few_instances_have_no_rank():
    matrices = [replicate_plate(k, drop=tuple(WELLS[6:])) for k in (1, 2, 3)]
    assert consensus(matrices, landmarks=LANDMARKS).siginfo["pct_self_rank_q25"].isna().all()
    ranked = consensus(matrices, landmarks=LANDMARKS, params=ConsensusParams(min_rank_instances=10))
    assert ranked.siginfo["pct_self_rank_q25"].notna().all()


def test_landmarks_found_by_annotation_and_else_all_rows(warnings_of):
    source = replicate_plate(1)
    unknown = source.with_values(source.values, rows=source.rows.set_axis([f"g{k}" for k in range(300)], axis=0))
    consensus(unknown, landmarks=LANDMARKS)
    assert any("correlated over all 300 rows" in text for text in warnings_of())
    marked = unknown.with_values(unknown.values, rows=unknown.rows.assign(pr_is_lm=[1] * 250 + [0] * 50))
    expected = (np.abs(np.clip(source.values[:250, 7], -10, 10)) >= 2).sum()
    assert consensus(marked, landmarks=LANDMARKS).siginfo["ss_ngene"].iloc[7] == expected


def test_some_landmarks_are_absent(warnings_of):
    source = replicate_plate(1)
    consensus(source.take_rows(source.rids[:200]), landmarks=LANDMARKS)
    assert "200 of the 300 landmarks are among the rows; these are used" in warnings_of()


def test_activity_is_measured_against_the_landmarks_that_are_there():
    source = [
        replicate_plate(1).take_rows(replicate_plate(1).rids[:200]),
        replicate_plate(2).take_rows(replicate_plate(2).rids[:200]),
    ]
    info = consensus(source, landmarks=LANDMARKS).siginfo
    agree = np.clip(info["distil_cc_q75"].to_numpy(), 0.001, 1)
    strong = np.maximum(info["ss_ngene"].to_numpy(), 0.001)
    assert np.isfinite(info["tas"]).any()
    np.testing.assert_allclose(info["tas"], np.sqrt(strong * agree / 200), rtol=1e-6)


def test_gold_is_unknown_where_its_parts_are():
    gold = is_gold(pd.Series([0.3, 0.3, np.nan, 0.1, 0.3, 0.2]), pd.Series([1.0, np.nan, 1.0, 1.0, -666.0, 5.0]))
    np.testing.assert_array_equal(gold, [1, np.nan, np.nan, 0, np.nan, 1])


# ---- refusals ------------------------------------------------------------------------------------------------------


def test_another_level_is_refused():
    odd = replicate_plate(2).with_values(replicate_plate(2).values, level=Level.QNORM)
    with pytest.raises(LevelError, match=r"b.gctx: holds level QNORM, but ZSPC or ZSVC or ZSNC is needed here"):
        consensus([replicate_plate(1), odd], names=["a.gctx", "b.gctx"])


def test_population_and_vehicle_scores_do_not_mix():
    odd = replicate_plate(2).with_values(replicate_plate(2).values, level=Level.ZSVC)
    with pytest.raises(LevelError, match=r"b.gctx: holds level ZSVC, but a.gctx holds ZSPC; .* must be of one kind"):
        consensus([replicate_plate(1), odd], names=["a.gctx", "b.gctx"])


def test_other_genes_are_refused():
    odd = replicate_plate(2).take_rows(LANDMARKS[:250])
    with pytest.raises(
        AlignmentError, match=r"b: its 250 rows are not those of a \(300\); only in one of them: .*50 in all"
    ):
        consensus([replicate_plate(1), odd], names=["a", "b"])


def test_a_plate_given_twice_is_refused():
    with pytest.raises(AlignmentError, match=r"more than one matrix: TOY001_A375_24H_X1_B20:A01.*give each plate once"):
        consensus([replicate_plate(1), replicate_plate(1)])


def test_missing_scores_are_refused():
    values = replicate_plate(1).values.copy()
    values[3, 2] = np.nan
    with pytest.raises(AlignmentError, match=rf"a: missing or infinite values in 1 row \({LANDMARKS[3]}\)"):
        consensus(replicate_plate(1).with_values(values), names=["a"])


def test_a_field_that_is_not_there_is_refused():
    with pytest.raises(
        BeadworkError, match=r"--group-by: the z-scores have no column field pert_idd; they have det_plate,"
    ):
        consensus(replicate_plate(1), params=ConsensusParams(group_by=("brew_prefix", "pert_idd")))


def test_wells_without_a_perturbagen_are_refused():
    source = replicate_plate(1)
    cols = source.cols.assign(pert_id=source.cols["pert_id"].where(source.cols["det_well"] != "B03"))
    with pytest.raises(BeadworkError, match=r"pert_id is missing for 1 well \(TOY001_A375_24H_X1_B20:B03\); give it"):
        consensus(source.with_values(source.values, cols=cols))


def test_nothing_to_join_is_refused():
    with pytest.raises(AlignmentError, match=r"no z-scores given"):
        consensus([])
    with pytest.raises(AlignmentError, match=r"a: no samples; there is nothing to make signatures of"):
        consensus(replicate_plate(1, drop=tuple(WELLS)), names=["a"])


# ---- golden --------------------------------------------------------------------------------------------------------


def test_official_modz(golden):
    """Six replicate columns of CRCGN014 to three signatures, from cmapM (BSD-3-Clause)."""
    folder = golden / "modz"
    z = with_entrez_ids(read_matrix(folder / "distil_gct_n6x978.gctx.gz"))
    official = with_entrez_ids(read_matrix(folder / "modzs_gct_n3x978.gctx.gz"))
    params = ConsensusParams(group_by=("cell_id", "pert_time", "pert_id"))
    result = consensus(z, landmarks=space_genes(gene_table(), Space.LM), params=params)
    ours = result.matrix.take_cols(official.cids).take_rows(official.rids)
    np.testing.assert_allclose(ours.values, official.values, atol=1e-5)
    info = result.siginfo.set_index("sig_id").loc[official.cids]
    assert [[round(float(w), 2) for w in text.split(",")] for text in info["distil_wt"]] == [
        [1.0], [0.33, 0.45, 0.22], [0.5, 0.5],
    ]  # fmt: skip
    np.testing.assert_allclose(info["distil_cc_q75"], [np.nan, 0.3377, 0.1413], atol=5e-5)
    assert info["ss_ngene"].tolist() == official.cols["distil_ss_ngene"].tolist() == [138, 303, 306]
    np.testing.assert_allclose(info["distil_ss"], official.cols["distil_ss"], atol=1e-5)
    assert info["distil_id"].tolist() == official.cols["distil_id"].tolist()
    # known disagreement: the stored value of the three replicates, 0.2092, is not what the definition gives
    np.testing.assert_allclose(info["tas"], [np.nan, 0.3234, 0.2103], atol=5e-5)
    np.testing.assert_allclose(official.cols["distil_tas"], [np.nan, 0.2092, 0.2103], atol=5e-5)


def test_official_gold_flags(shared_data):
    """272 signatures of three drugs: the definition covers all 126 gold ones, and calls 12 more gold."""
    cols = read_matrix(shared_data / "signatures" / "modzs_n272x978.gctx.gz").cols
    ours = is_gold(cols["distil_cc_q75"], cols["pct_self_rank_q25"]).eq(1)
    stored = cols["is_gold"] == 1
    assert (stored.sum(), (ours == stored).sum(), (ours & stored).sum()) == (126, 260, 126)
