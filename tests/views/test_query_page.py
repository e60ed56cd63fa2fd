"""Pages of queries: what they hold is escaped, missing numbers are said, ends do not overlap."""

import re

import numpy as np
import pytest

from beadwork.views.pages import decimals, plain, significant
from beadwork.views.query_page import both_ends, cell_map, enrichment_plot, query_html, score_histogram, two_ends

EVIL = "<script>alert(1)</script>&\"'"


def page(**changes):
    rows = [dict(name=EVIL, type=EVIL, ncs=1.5, tau=np.nan, median_ncs=-0.001, n_positive=1, n_negative=0,
                 n_signatures=1, counted=1)]  # fmt: skip
    signature = dict.fromkeys(("sig_id", "pert_iname"), EVIL) | {"rank": 1, "cell_id": None, "wtcs": 0.5, "fdr": np.nan}
    curve = ("up", np.linspace(0, 1, 50), np.array([1, 30]), 0.5)
    facts = {
        "name": EVIL, "n_up": 1, "n_down": 0, "n_signatures": 1234, "n_genes": 12328, "notes": [EVIL],
        "rolled": {"one": "name", "background": 0, "least": 10, "notes": [EVIL], "class_notes": [], "mapped": 12,
                   "perturbagens": two_ends(rows, [], "cells"), "classes": None,
                   "cells": cell_map([EVIL], {(0, EVIL): 1.0})},
        "plots": [{**enrichment_plot([curve], 50), "title": EVIL, "wtcs": 0.5, "ncs": 1.5}],
        "sure": [EVIL], "histogram": score_histogram(np.array([1.0, -1.0]), np.array([True, False]), np.ones(2, bool)),
        "signatures": {"rows": [signature], "texts": [("sig_id", "signature"), ("cell_id", "cell")],
                       "numbers": [("wtcs", "WTCS"), ("fdr", "FDR")], "known": 1, "most": 250},
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
    text = page(plots=[], signatures={"rows": []}, missing=[], notes=[], rolled=None)
    for words in ("No signature has a score other than 0.", "No signature has a score.", "every gene is in the index",
                  "All genes were found"):  # fmt: skip
        assert words in text
    assert "Mechanism classes" not in text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.001, "0.00"), (-1.005, "\N{MINUS SIGN}1.00"), (2, "2.00"), (np.nan, "NA")]
)
def test_decimals(value, text):
    assert decimals(value) == text


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
    assert [(box["side"], box["opacity"]) for box in drawn["boxes"]] == [("up", "0.50"), ("down", "1.00")]
    assert [cell["name"] for cell in drawn["columns"]] == ["X", "Y"]
    assert cell_map([], {}) is None
