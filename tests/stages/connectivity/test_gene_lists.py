"""Lists of genes of a signature: inferred genes count by the accuracy of their inference."""

import numpy as np
import pytest

from beadwork.stages.connectivity.gene_lists import gene_list_scores


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
