"""Pages of queries: what they hold is escaped, missing numbers are said, ends do not overlap."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from beadwork.kernels.connectivity.wtcs.score import running_sum
from beadwork.views.pages import decimals, decimals_of, fill, plain, significant
from beadwork.views.query_page import (
    both_ends,
    cell_map,
    enrichment_plot,
    query_html,
    score_histogram,
    signature_table,
    two_ends,
)

EVIL = "<script>alert(1)</script>&\"'"


def page(**changes):
    rows = [dict(name=EVIL, type=EVIL, ncs=1.5, tau=np.nan, median_ncs=-0.001, n_positive=1, n_negative=0,
                 n_signatures=1, counted=1)]  # fmt: skip
    signature = {"sig_id": [EVIL], "pert_iname": [EVIL], "rank": [1], "cell_id": [None], "wtcs": [0.5], "fdr": [np.nan]}
    curve = ("up", np.linspace(0, 1, 50), np.array([1, 30]), 0.5)
    facts = {
        "name": EVIL, "n_up": 1, "n_down": 0, "n_signatures": 1234, "n_genes": 12328, "notes": [EVIL],
        "rolled": {"one": "name", "background": 0, "least": 10, "notes": [EVIL], "class_notes": [], "mapped": 12,
                   "perturbagens": two_ends(rows, [], "cells"), "classes": None,
                   "cells": cell_map([EVIL], {(0, EVIL): 1.0})},
        "plots": [{**enrichment_plot([curve], 50), "title": EVIL, "wtcs": 0.5, "ncs": 1.5}],
        "sure": [EVIL], "histogram": score_histogram(np.array([1.0, -1.0]), np.array([True, False]), np.ones(2, bool)),
        "signatures": signature_table(signature, {"sig_id": "signature", "cell_id": "cell"},
                                      {"wtcs": "WTCS", "tau": "tau", "fdr": "FDR"}, 1, 250),
        "missing": [{"set": "up", "gene": EVIL, "answer": "no gene", "reason": EVIL}],
    }  # fmt: skip
    return query_html(facts | changes)


def test_nothing_that_is_shown_becomes_markup():
    text = page()
    assert EVIL not in text and "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#34;&#39;") >= 12
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text), "the page needs nothing from elsewhere"


def test_missing_numbers_are_said():
    text = page()
    assert '<td class="n">NA</td>' in text and "tau: not known, the background has 0 queries and 10 are needed." in text
    assert "1,234 signatures x 12,328 genes" in text
    assert "None" not in text and "nan" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_an_empty_answer_is_said():
    text = page(plots=[], signatures=signature_table({"rank": []}, {}, {}, 0, 250), missing=[], notes=[], rolled=None)
    for words in ("No signature has a score other than 0.", "No signature has a score.", "every gene is in the index",
                  "All genes were found"):  # fmt: skip
        assert words in text
    assert "Mechanism classes" not in text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.001, "0.00"), (-1.005, "\N{MINUS SIGN}1.00"), (2, "2.00"), (np.nan, "NA")]
)
def test_decimals(value, text):
    assert decimals(value) == text


@given(st.lists(st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))), st.integers(1, 3))
def test_a_column_of_numbers_reads_as_each_of_them(values, digits):
    assert decimals_of(values, digits) == [decimals(value, digits) for value in values]


def test_plain_and_significant():
    assert [plain(item) for item in (None, np.nan, 0, "a")] == ["", "", "0", "a"]
    assert [significant(value) for value in (0.012345, np.nan)] == ["0.012", "NA"]


@pytest.mark.parametrize("known", [0, 1, 5, 6, 7, 100])
def test_ends_have_each_row_once(known):
    places = np.arange(known)
    shown = np.concatenate([places[part] for part in both_ends(known, 3)])
    assert len(set(shown.tolist())) == len(shown) == min(known, 6)


def test_the_map_leaves_out_what_is_not_known():
    drawn = cell_map(["a", "b"], {(0, "X"): 1.0, (1, "X"): np.nan, (1, "Y"): -5.0})
    x, y, sides, opacity, titles = drawn["boxes"]
    assert (x, y) == (["190", "208"], ["70", "88"])
    assert (sides, opacity) == (["up", "down"], ["0.50", "1.00"])
    assert titles == ["a, X: NCS 1.00", "b, Y: NCS \N{MINUS SIGN}5.00"]
    assert [cell["name"] for cell in drawn["columns"]] == ["X", "Y"]
    assert cell_map([], {}) is None


def test_rows_are_filled_with_escaped_cells_whatever_stands_in_them():
    cells = [EVIL, "%s {{ x }}", "a\x1fb", ""]
    text = fill("<td>%s</td>", [cells])
    assert text == "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    assert fill("<td>%s</td>", [[]]) == "" and EVIL not in text


def test_points_of_a_curve_are_where_it_turns():
    """Between two genes of the set a running sum is straight: any point left out lies on the line drawn."""
    rng = np.random.default_rng(2)
    rank = np.sort(rng.choice(np.arange(1, 500), 40, replace=False))
    curve = running_sum(rank, rng.normal(size=40), 499)
    (drawn,) = enrichment_plot([("up", curve, rank, 0.5)], 499)["curves"]
    x, y = np.array([point.split(",") for point in drawn["points"].split()], float).T
    np.testing.assert_allclose(np.interp(340 * np.arange(499) / 499, x, y), 70 - 60 * curve, atol=0.75)
    assert drawn["genes"].count("v14") == 40
