"""How far an answer may be trusted, by fixed rules, in words: do not rank, treat as a hint, usable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from beadwork.model.errors import how_many
from beadwork.model.params import HowSureParams


class Verdict(StrEnum):
    """What an answer is good for, worst first."""

    NO = "do not rank"
    HINT = "treat as a hint"
    USABLE = "usable"


@dataclass(frozen=True)
class Reason:
    """One reason of a verdict, in words."""

    verdict: Verdict
    words: str


def how_sure(
    counts: Mapping[str, int],
    wtcs: np.ndarray,
    *,
    signature: bool,
    fdr: np.ndarray,
    tau: np.ndarray,
    shared: int,
    n_perturbagens: int,
    params: HowSureParams = HowSureParams(),  # noqa: B008 (frozen)
) -> list[Reason]:
    """Reasons for and against an answer, worst first; the verdict is that of the first.

    Parameters
    ----------
    counts
        ``n_up_found`` and ``n_down_found`` of the query.
    wtcs, fdr, tau
        Of all signatures that are shown.
    signature
        Whether the query is a full signature.
    shared
        Genes that are both up and down.
    n_perturbagens
        Perturbagens that are rolled up.
    """
    up, down = int(counts.get("n_up_found", 0)), int(counts.get("n_down_found", 0))
    used, found = up + down, []
    if used < params.fewest_genes:
        found.append(
            Reason(Verdict.NO, f"{how_many(used, 'gene', 'is')} used, {params.fewest_genes} at least are needed")
        )
    if up and down and shared >= params.cancel_share * min(up, down):
        found.append(
            Reason(Verdict.NO, f"{how_many(shared, 'gene', 'is')} both up and down: the two sets cancel each other")
        )
    elif up and down and len(wtcs) and float((wtcs == 0).mean()) > params.cancel_zeros:
        share = round(100 * float((wtcs == 0).mean()))
        words = f"the two sets cancel each other: both go the same way in {share} % of the signatures"
        found.append(Reason(Verdict.NO, words))
    if params.fewest_genes <= used < params.few_genes:
        found.append(Reason(Verdict.HINT, f"{how_many(used, 'gene', 'is')} used, fewer than {params.few_genes}"))
    if not signature and bool(up) != bool(down):
        missing = "down" if up else "up"
        found.append(Reason(Verdict.HINT, f"one set only: without genes that go {missing}, much connects by chance"))
    if not np.isfinite(fdr).any():
        found.append(Reason(Verdict.HINT, "no q: how many of these would be false is not known"))
    if not np.isfinite(tau).any():
        found.append(Reason(Verdict.HINT, "no tau: how other questions score here is not known"))
    if n_perturbagens < params.few_perturbagens:
        words = f"{how_many(n_perturbagens, 'perturbagen', 'is')} compared, fewer than {params.few_perturbagens}"
        found.append(Reason(Verdict.HINT, words))
    if not found:
        found.append(Reason(Verdict.USABLE, f"{how_many(used, 'gene', 'is')} used; q and tau are known"))
    order = list(Verdict)
    return sorted(found, key=lambda reason: order.index(reason.verdict))


def shared_genes(up: np.ndarray, down: np.ndarray) -> int:
    """Genes that stand in both sets."""
    return len(np.intersect1d(up, down))
