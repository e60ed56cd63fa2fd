"""Contrasts: names of groups, kinds of values, designs, statistics against limma's published figures, warnings."""

import numpy as np
import pytest
from scipy import stats

from beadwork.model.connectivity.contrast import Contrast
from beadwork.model.errors import ParameterError
from beadwork.model.params import ContrastParams
from beadwork.stages.connectivity.contrast.compare import compare, halve, sets_of, warnings_of
from beadwork.stages.connectivity.contrast.groups import (
    as_logs,
    label_texts,
    levels_of,
    make_contrasts,
    make_design,
    members,
    value_kind,
)
from beadwork.stages.connectivity.contrast.statistics import adjusted, moderated_t

LEVELS = {"a": 3, "b": 4, "c": 2}


def pairs(*given):
    return [(item.case, item.control) for item in make_contrasts(LEVELS, *given, "arm")]


def test_names_of_groups():
    assert pairs(["a"], ["b"]) == [("a", "b")]
    assert pairs(["a", "c"], ["b"]) == [("a", "b"), ("c", "b")]
    assert pairs(["a", "c"], ["b", "a"]) == [("a", "b"), ("c", "a")]
    assert pairs([], ["b"]) == [("a", "b"), ("c", "b")]
    assert pairs([], ["rest"]) == [("a", "rest"), ("b", "rest"), ("c", "rest")]
    assert make_contrasts({"a 1/x": 2, "b": 2}, [], ["b"], "arm")[0].name == "a_1_x_vs_b"


@pytest.mark.parametrize(
    ("cases", "controls", "said"),
    [
        (["a"], [], "--control: name the group to compare with; arm has a (3), b (4), c (2), or give 'rest'"),
        (["x"], ["b"], "arm has no group 'x'; it has a (3), b (4), c (2)"),
        (["b"], ["b"], "'b' cannot be compared with itself"),
        (["a", "b", "c"], ["a", "b"], "3 times --case, but 2 times --control; give one, or as many"),
        (["a", "a"], ["b"], "contrasts of the same name: a_vs_b; name each once"),
        ([], ["a", "b"], "--case: name one for each --control"),
    ],
)
def test_wrong_names_are_one_clear_line(cases, controls, said):
    with pytest.raises(ParameterError) as error:
        make_contrasts(LEVELS, cases, controls, "arm")
    assert said in str(error.value)


def test_missing_labels_are_in_no_group():
    labels = label_texts(["a", "", np.nan, None, "-666", 1.0, " b "])
    assert labels == ["a", None, None, None, None, "1", "b"]
    case, control = members(labels, Contrast("n", "a", "rest"))
    assert case.tolist() == [True, *[False] * 6] and control.tolist() == [False, *[False] * 4, True, True]
    assert levels_of(labels) == {"1": 1, "a": 1, "b": 1}


@pytest.mark.parametrize(
    ("low", "high", "whole", "kind"),
    [(0, 90_000, True, "counts"), (0, 3, True, "counts"), (-4.2, 5, False, "log"), (0.0, 15.9, False, "log"),
     (-5, 5, True, "log")],
)  # fmt: skip
def test_kinds_of_values(low, high, whole, kind):
    assert value_kind(low, high, whole, "x") == kind


def test_values_that_are_neither_are_refused():
    with pytest.raises(ParameterError, match=r"x: values up to 5000\.5 that are no whole numbers are neither counts"):
        value_kind(0, 5000.5, False, "x")


def test_logs_of_counts_and_linear_values():
    counts = np.array([[10.0, 30.0], [0.0, 100.0]])
    assert as_logs(counts, "counts")[1, 1] == pytest.approx(np.log2(100.5 / 101 * 1e6))
    assert as_logs(counts, "linear")[0].tolist() == [np.log2(11), np.log2(31)]
    assert as_logs(counts, "log") is counts


def test_designs():
    design, names = make_design(["case", "control"] * 3, {"batch": list("xxyyxy"), "age": [1, 2, 6, 3, 5, 1]}, "c")
    assert names == ["group_0", "group_1", "batch_y", "age"]
    assert design[:, 2:].tolist() == [[0, -2], [0, -1], [1, 3], [1, 0], [0, 2], [1, -2]]
    with pytest.raises(ParameterError, match="covariates batch cannot be distinguished from the groups"):
        make_design(["case", "control"], {"batch": ["x", "y"]}, "contrast a")
    with pytest.raises(ParameterError, match="covariate batch is missing for 1 sample"):
        make_design(["case", "control"], {"batch": ["x", ""]}, "contrast a")


def test_fdr_is_benjamini_hochberg_and_passes_over_what_is_missing():
    p = np.array([0.01, np.nan, 0.04, 0.03])
    assert adjusted(p)[[0, 2, 3]] == pytest.approx([0.03, 0.04, 0.04]) and np.isnan(adjusted(p)[1])


def test_moderated_t_lies_between_the_t_test_and_one_variance_for_all():
    pytest.importorskip("pylimma")
    rng = np.random.default_rng(0)
    values = rng.normal(size=(8, 300)) * np.sqrt(4 / rng.chisquare(4, 300))
    case = np.repeat([1.0, 0.0], 4)
    found = moderated_t(values, np.column_stack([case, 1 - case]), np.array([1.0, -1.0]))
    plain = stats.ttest_ind(values[:4], values[4:])
    assert found.change == pytest.approx(values[:4].mean(axis=0) - values[4:].mean(axis=0))
    assert np.corrcoef(found.statistic, plain.statistic)[0, 1] > 0.9
    assert np.std(np.log(np.abs(found.change / found.statistic))) < np.std(
        np.log(np.abs(found.change / plain.statistic))
    )


# limma's own output for the estrogen data (Bioconductor package estrogen, RMA, one mean for each of four groups):
# topTable of the contrasts high10 - low10 and high48 - low48, printed in a course by M. Robinson, as in the limma
# User's Guide, "Estrogen Data". Genes whose row here is the printed probe set; logFC, t.
PUBLISHED = {
    ("high10", "low10"): {
        "54898": (2.939428, 23.71715), "7031": (2.800195, 16.38509), "4175": (2.555282, 15.68070),
        "4605": (2.507616, 15.15848), "7494": (1.679331, 15.06365), "990": (2.662258, 13.26247)},
    ("high48", "low48"): {
        "7031": (3.597334, 21.04947), "4605": (3.340896, 20.19564), "9768": (3.758891, 16.85669),
        "3148": (2.993641, 16.20914), "7494": (1.765249, 15.83434), "7153": (2.296484, 15.78841),
        "11065": (2.968283, 14.78097)},
}  # fmt: skip


@pytest.mark.parametrize("pair", PUBLISHED)
def test_limmas_published_figures(pair, shared_data):
    """The data here are rounded to 1/64 and have 8,152 of limma's 12,625 rows, so that the prior differs a little."""
    pytest.importorskip("pylimma")
    packed = np.load(shared_data / "expression_more" / "affymetrix_u95_1.npz")
    own = packed["dataset"] == "estrogen"
    labels = [sample.split("-")[0] for sample in packed["sample"][own]]
    found = compare(
        packed["expr"][:, own].T.astype(np.float64), packed["gene"].tolist(), labels, Contrast("c", *pair), "log",
        samples=packed["sample"][own].tolist(), params=ContrastParams(fit="all"),
    )  # fmt: skip
    place = {gene: row for row, gene in enumerate(found.genes)}
    for gene, (change, t) in PUBLISHED[pair].items():
        assert found.change[place[gene]] == pytest.approx(change, abs=0.02)
        assert found.statistic[place[gene]] == pytest.approx(t, rel=0.012)


def toy(n=5, shift=3.0, seed=1):
    rng = np.random.default_rng(seed)
    values = rng.normal(8, 1, (2 * n, 400))
    values[:n, :60] += shift
    values[:n, 60:90] -= shift
    return values, [f"{number}" for number in range(400)], ["a"] * n + ["b"] * n, [f"s{k}" for k in range(2 * n)]


def test_order_of_samples_decides_nothing_and_planted_genes_are_found():
    pytest.importorskip("pylimma")
    values, genes, labels, samples = toy()
    one = compare(values, genes, labels, Contrast("c", "a", "b"), "log", samples=samples)
    order = np.random.default_rng(0).permutation(10)
    other = compare(values[order], genes, [labels[k] for k in order], Contrast("c", "a", "b"), "log",
                    samples=[samples[k] for k in order])  # fmt: skip
    assert (one.statistic == other.statistic).all() and one.agreement == other.agreement
    up, down, significant = sets_of(one, np.ones(400, bool), ContrastParams())
    assert significant and set(up[:40]) <= set(range(60)) and set(down[:20]) <= set(range(60, 90))
    assert one.agreement > 0.3 and warnings_of(one, 978, significant, ContrastParams()) == []


def test_reasons_not_to_trust():
    pytest.importorskip("pylimma")
    values, genes, labels, samples = toy(shift=0.0)
    found = compare(values, genes, labels, Contrast("c", "a", "b"), "log", samples=samples,
                    batches={"study": ["x"] * 5 + ["y"] * 5})  # fmt: skip
    *_, significant = sets_of(found, np.ones(400, bool), ContrastParams())
    words = "; ".join(warnings_of(found, 100, significant, ContrastParams()))
    for said in ("halves of the samples hardly agree", "the sets are the ends of the list", "only 100 of the 978",
                 "no study holds samples of both groups"):  # fmt: skip
        assert said in words
    few = compare(values[[0, 1, 5, 6]], genes, ["a", "a", "b", "b"], Contrast("c", "a", "b"), "log",
                  samples=list("wxyz"))  # fmt: skip
    assert any("few samples: a has 2, b has 2" in text for text in warnings_of(few, 978, True, ContrastParams()))


def test_without_replicates_it_is_refused():
    values, genes, _, _ = toy()
    with pytest.raises(ParameterError, match="2 samples for 2 means and covariates leave nothing"):
        compare(values[:2], genes, ["a", "b"], Contrast("c", "a", "b"), "log", samples=["x", "y"])


def test_halves_are_of_both_groups_and_disjoint():
    first, second = halve(["case"] * 5 + ["control"] * 4, np.random.default_rng(0))
    assert sorted([*first, *second]) == list(range(9)) and len(first) == 4 and (first < 5).sum() == 2
