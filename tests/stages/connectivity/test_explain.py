"""Mechanisms and genes behind an answer: planted ones are found with their sign, shuffled names are not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, mannwhitneyu, norm, spearmanr

from beadwork.io.platform.mechanism_words import mechanism_words
from beadwork.model.errors import AlignmentError
from beadwork.stages.connectivity.explain import (
    direction_of,
    gene_list_scores,
    mean_z,
    perturbagens_of,
    score_classes,
    score_genes,
    score_hits,
)

WORDS = mechanism_words()


def as_given(names):
    return list(names)


def answer(seed: int = 0, n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    """Compounds at two doses in two cells, and genes by shRNA, CRISPR and over-expression; no effect planted."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        rows += [(f"drug{number}", f"D{number}", "trt_cp", cell) for cell in ("A375", "MCF7") for _ in range(2)]
        for kind in ("trt_sh", "trt_xpr", "trt_oe"):
            rows += [
                (f"GENE{number}", f"{kind}{number}.{k}", kind, "MCF7") for k in range(3 if kind == "trt_sh" else 1)
            ]
    table = pd.DataFrame(rows, columns=["pert_iname", "pert_id", "pert_type", "cell_id"])
    return table, rng.normal(size=len(table))


def test_doses_times_and_cells_count_once():
    rows = pd.DataFrame({
        "pert_iname": ["a"] * 5 + ["b"], "pert_type": "trt_cp", "cell_id": ["X", "X", "X", "Y", None, "X"],
    })  # fmt: skip
    found = perturbagens_of(rows, np.array([1.0, 2.0, 3.0, 8.0, np.nan, 5.0])).table.set_index("name")
    assert found.loc["a", "score"] == 5.0  # the mean of 2 (three signatures in X) and 8
    assert found.loc["a", ["n_signatures", "n_cells"]].tolist() == [4, 2]
    assert found.loc["a", "z"] == pytest.approx(found.loc["b", "z"])


def test_controls_are_no_perturbagens_and_hairpins_stand_apart():
    rows = pd.DataFrame({
        "pert_iname": ["DMSO", "TP53", "TP53", "TP53", "aspirin", "aspirin"],
        "pert_id": ["DMSO", "h1", "h2", "g1", "B1", "B2"],
        "pert_type": ["ctl_vehicle", "trt_sh", "trt_sh", "trt_xpr", "TRT_CP", "trt_poscon"],
    })  # fmt: skip
    found = perturbagens_of(rows, np.arange(6.0)).table
    assert found[["name", "pert_type"]].to_numpy().tolist() == [
        ["TP53", "trt_sh"], ["TP53", "trt_sh"], ["TP53", "trt_xpr"], ["aspirin", "trt_cp"],
    ]  # fmt: skip


def test_classes_are_ordered_from_what_agrees_to_what_opposes():
    rows, scores = answer()
    for number in range(12):
        scores[rows["pert_iname"] == f"drug{number}"] += 2.0 if number < 6 else -2.0
    found = perturbagens_of(rows, scores)
    classes = {f"class{k}": [f"drug{m}" for m in range(6 * k, 6 * k + 6)] for k in range(30)}
    table = score_classes("q", found, {"mechanism": classes}, 3)
    assert (table["class"].iloc[0], table["class"].iloc[-1]) == ("class0", "class1")
    assert table["direction"].iloc[[0, -1]].tolist() == ["agrees", "opposes"]
    assert (table["fdr"].iloc[[0, -1]] < 0.01).all() and (table["fdr"].iloc[1:-1] > 0.05).all()
    assert set(table["leading"].iloc[0].split("; ")) <= {f"drug{m}" for m in range(6)}
    np.testing.assert_allclose(table.sort_values("p")["fdr"], false_discovery_control(table["p"].sort_values()))


def test_the_order_of_classes_is_that_of_the_rank_sum_test():
    rows, scores = answer(1)
    found = perturbagens_of(rows, scores)
    rng = np.random.default_rng(2)
    names = [f"drug{m}" for m in range(400)]
    classes = {f"c{k}": rng.choice(names, 20, replace=False).tolist() for k in range(60)}
    table = score_classes("q", found, {"set": classes}, 3).set_index("class")
    drugs = found.of("trt_cp").set_index("name")["score"]
    expected = {
        name: norm.isf(mannwhitneyu(drugs[own], drugs.drop(own), alternative="greater").pvalue)
        for name, own in classes.items()
    }
    assert spearmanr(table["z"], pd.Series(expected)[table.index])[0] > 0.95


def test_loss_gain_and_drugs_of_a_gene_meet_in_one_score():
    rows, scores = answer(3)
    of_gene = rows["pert_iname"] == "GENE7"
    scores[of_gene & rows["pert_type"].isin(["trt_sh", "trt_xpr"])] -= 2.5
    scores[of_gene & (rows["pert_type"] == "trt_oe")] += 2.5
    for number, shift in ((1, 1.5), (2, 1.5), (3, -1.5), (4, -1.5)):
        scores[rows["pert_iname"] == f"drug{number}"] += shift
    targets = {"GENE7": [f"drug{number}" for number in range(1, 6)]}
    mechanisms = {"drug1": ["gene 7 agonist"], "drug2": ["gene 7 activator"], "drug3": ["gene 7 inhibitor"],
                  "drug4": ["gene 7 receptor antagonist"], "drug5": ["gene 7 ligand"]}  # fmt: skip
    table = score_genes("q", perturbagens_of(rows, scores), targets, mechanisms, WORDS, as_given)
    first = table.iloc[0]
    assert first["symbol"] == "GENE7" and first["score"] > 4 and first["q"] < 0.01
    assert (first[["shRNA", "CRISPR", "gain", "drugs"]].astype(float) > 1.5).all()
    assert first["n_drugs"] == 4 and "drug5" not in first["drugs_used"]
    reverse = score_genes("q", perturbagens_of(rows, -scores), targets, mechanisms, WORDS, as_given)
    assert reverse["symbol"].iloc[0] == "GENE7" and reverse["score"].iloc[0] == pytest.approx(-first["score"])
    assert reverse["words"].iloc[0] == "the query looks like less of the gene"


def test_shuffled_names_find_nothing():
    found_classes = found_genes = 0
    for seed in range(20):
        rows, scores = answer(seed, n=150)
        found = perturbagens_of(rows, scores)
        classes = {f"class{k}": [f"drug{m}" for m in range(5 * k, 5 * k + 5)] for k in range(30)}
        found_classes += (score_classes("q", found, {"mechanism": classes}, 3)["fdr"] < 0.05).any()
        genes = score_genes("q", found, {}, {}, WORDS, as_given)
        found_genes += (genes["q"] < 0.05).any()
        assert 0.01 < (genes["p"] < 0.1).mean() < 0.25
    assert found_classes <= 4 and found_genes <= 4


def test_perturbagens_with_few_signatures_do_not_stand_out_by_it():
    rng = np.random.default_rng(0)
    counts = rng.choice([1, 16], 2000)
    names = [f"d{number}" for number, count in enumerate(counts) for _ in range(count)]
    found = perturbagens_of(pd.DataFrame({"pert_iname": names}), rng.normal(size=len(names))).table
    single = found["n_signatures"] == 1
    assert found.loc[single, "z"].std() == pytest.approx(found.loc[~single, "z"].std(), rel=0.05)


@given(st.integers(1, 40), st.integers(0, 2**31))
def test_mean_of_members_is_standard_normal(n, seed):
    z = norm.ppf((np.arange(1, 201) - 0.5) / 200)
    rng = np.random.default_rng(seed)
    drawn = [mean_z(rng.choice(z, n, replace=False), 200) for _ in range(200)]
    assert abs(np.mean(drawn)) < 0.35 and 0.75 < np.std(drawn) < 1.3


@pytest.mark.parametrize(
    ("mechanisms", "expected"),
    [
        (["estrogen receptor agonist"], 1), (["Estrogen receptor antagonist"], -1), (["inverse agonist"], -1),
        (["GABA receptor inverse agonist"], -1), (["selective estrogen receptor modulator (SERM)"], 0),
        (["HDAC inhibitor", "cell cycle inhibitor"], -1), (["X agonist", "Y antagonist"], 0), ([], 0),
        (["sodium channel blocker"], -1), (["AMPK activator"], 1), (["positive allosteric modulator"], 1), (["dye"], 0),
    ],
)  # fmt: skip
def test_words_of_a_mechanism_say_its_direction(mechanisms, expected):
    assert direction_of(mechanisms, WORDS) == expected


def test_hits_by_class():
    rows, scores = answer(5)
    classes = {"yes": [f"drug{m}" for m in range(8)], "no": [f"drug{m}" for m in range(20, 40)]}
    table = score_hits("q", perturbagens_of(rows, scores), ["DRUG1", "drug2", "drug3", "drug99", "unknown"],
                       {"mechanism": classes}, 3)  # fmt: skip
    assert table["class"].tolist() == ["yes", "no"] and table["n_hits"].tolist() == [3, 0]
    assert table["fdr"].iloc[0] < 0.01


def test_an_answer_without_names_or_treatments_is_refused():
    with pytest.raises(AlignmentError, match="neither pert_iname nor pert_id"):
        perturbagens_of(pd.DataFrame({"cell_id": ["A"]}), np.ones(1))
    with pytest.raises(AlignmentError, match="no treatment with a name and a score"):
        perturbagens_of(pd.DataFrame({"pert_iname": ["DMSO"], "pert_type": ["ctl_vehicle"]}), np.ones(1))


def test_inferred_genes_count_by_their_accuracy_and_measured_ones_in_full():
    z, genes = np.array([2.0, -6.0, 4.0, 5.0, 3.0]), ["780", "a", "b", "c", "d"]
    scores = gene_list_scores(z, genes, {"a": 0.5, "b": 0.25, "c": -0.1, "d": np.nan})
    np.testing.assert_allclose(scores, [2, -3, 1, 0, 0])
    np.testing.assert_allclose(gene_list_scores(np.stack([z, -z], 1), genes, {"a": 0.5})[1], [-3, 3])


def test_measured_genes_keep_z_to_the_bit():
    z = np.random.default_rng(0).normal(size=50).astype(np.float32)
    assert gene_list_scores(z, [str(k) for k in range(50)], {"x": 0.3}).tolist() == z.tolist()


def test_a_weakly_inferred_gene_falls_below_a_measured_one():
    assert gene_list_scores(np.array([3.0, 4.0]), ["lm", "weak"], {"weak": 0.2}).argmax() == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sign_stays(sign):
    assert np.sign(gene_list_scores(np.array([sign * 2.0]), ["a"], {"a": 0.4}))[0] == sign


def test_z_of_a_class_is_that_of_decoupler_but_for_drawing_without_replacement():
    """KSEA's z: (mean of the set - mean of all) * sqrt(n) / sd of all; the factor makes it exact for n of N."""
    rng = np.random.default_rng(0)
    total = 200
    scores = rng.normal(size=total)
    scores = (scores - scores.mean()) / scores.std()
    sets = {f"set{n}": np.sort(rng.choice(total, n, replace=False)) for n in (3, 5, 20, 80)}
    ksea = {name: scores[rows].mean() * np.sqrt(len(rows)) for name, rows in sets.items()}
    for name, rows in sets.items():
        factor = np.sqrt((total - 1) / (total - len(rows)))
        assert mean_z(scores[rows], total) == pytest.approx(ksea[name] * factor)
    decoupler = pytest.importorskip("decoupler")
    names = [f"p{number}" for number in range(total)]
    net = pd.DataFrame([(name, names[row], 1.0) for name, rows in sets.items() for row in rows],
                       columns=["source", "target", "weight"])  # fmt: skip
    found, _ = decoupler.mt.zscore(pd.DataFrame([scores], columns=names, index=["q"]), net, tmin=1, flavor="KSEA")
    for name in sets:
        assert found.loc["q", name] == pytest.approx(ksea[name], rel=0.01)
