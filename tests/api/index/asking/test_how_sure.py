"""Rules of how sure an answer is, one by one; the worst comes first."""

import numpy as np
import pytest

from beadwork.api.index.asking.how_sure import how_sure, shared_genes

KNOWN, NONE = np.array([0.1, 0.9]), np.full(2, np.nan)
GOOD = {"up": 50, "down": 50, "wtcs": np.array([0.5, 0.0, -0.3, 0.1]), "signature": False, "fdr": KNOWN, "tau": KNOWN,
        "shared": 0, "n_perturbagens": 100}  # fmt: skip


def judged(**changes):
    given = {**GOOD, **changes}
    counts = {"n_up_found": given.pop("up"), "n_down_found": given.pop("down")}
    return [(str(item.verdict), item.words) for item in how_sure(counts, given.pop("wtcs"), **given)]


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, "usable", "100 genes are used; q and tau are known"),
        ({"up": 1, "down": 1}, "do not rank", "2 genes are used, 3 at least are needed"),
        ({"up": 5, "down": 4}, "treat as a hint", "9 genes are used, fewer than 10"),
        ({"down": 0}, "treat as a hint", "without genes that go down"),
        ({"up": 0}, "treat as a hint", "without genes that go up"),
        ({"shared": 25}, "do not rank", "25 genes are both up and down: the two sets cancel each other"),
        ({"wtcs": np.zeros(100)}, "do not rank", "both go the same way in 100 % of the signatures"),
        ({"fdr": NONE}, "treat as a hint", "no q"),
        ({"tau": NONE}, "treat as a hint", "no tau"),
        ({"n_perturbagens": 19}, "treat as a hint", "19 perturbagens are compared, fewer than 20"),
    ],
)
def test_each_rule(changes, verdict, words):
    (first, *rest) = judged(**changes)
    assert first[0] == verdict and words in first[1] and rest == []


def test_a_signature_has_no_missing_set_and_bounds_are_those_of_the_rules():
    assert judged(down=0, signature=True)[0][0] == "usable"
    assert judged(up=3, down=0, signature=True)[0][0] == "treat as a hint"
    assert judged(up=10, down=0, signature=True)[0][0] == judged(n_perturbagens=20)[0][0] == "usable"
    assert judged(shared=24)[0][0] == "usable" and judged(wtcs=np.r_[np.zeros(9), 1])[0][0] == "usable"


def test_the_worst_comes_first():
    found = judged(up=1, down=1, fdr=NONE, tau=NONE)
    assert [verdict for verdict, _ in found] == ["do not rank", "treat as a hint", "treat as a hint"]
    assert shared_genes(np.array([1, 2, 3]), np.array([3, 2, 9])) == 2
