"""Figures of a brew, a study and a query: replicates, plates at a glance, activity of signatures, connections."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beadwork.model.errors import counted
from beadwork.model.pert_types import plain_pert_type
from beadwork.model.qc import METRICS
from beadwork.views.figures import BLUE, GREEN, GREY, LIGHT, ORANGE, PURPLE, RED, SKY, STYLE
from beadwork.views.places import Margins, labels, place_axes, title

# ---- replicates -----------------------------------------------------------------------------------------------------


def replicate_correlation(
    brew: str, same: np.ndarray, different: np.ndarray, auc: float, *, within: bool = False
) -> Figure:
    """Correlations between plates: wells of one treatment against wells of different treatments.

    `within`: there is one plate only, and pairs are wells of one compound at different doses.
    """
    words = (
        ("same compound, other dose", "different compounds") if within else ("same treatment", "different treatments")
    )
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.2))
        (axis,) = place_axes(figure, 1, 1, Margins(0.48, 0.1, 0.3, 0.95))
        title(axis, f"{brew}: {'wells of one plate' if within else 'replicate plates'}", fontweight="bold")
        if not len(same):
            axis.set_axis_off()
            axis.text(0.5, 0.5, "no treatment stands in more than one well", ha="center", transform=axis.transAxes)
            return figure
        both = np.concatenate([same, different])
        bins = np.linspace(np.floor(both.min() * 10) / 10, 1.0, 41)
        for values, name, color in ((different, words[1], GREY), (same, words[0], BLUE)):
            density, _ = np.histogram(values, bins=bins, density=True)
            axis.stairs(density, bins, fill=True, color=color, alpha=0.55, label=f"{name}: "
                f"{counted(len(values), 'pair')}, "
                        f"median {np.median(values):.2f}")  # fmt: skip
            axis.axvline(np.median(values), color=color, lw=1.2, ls="--")
        labels(axis, "Spearman correlation of ZSPC, 978 landmarks", "density of pairs")
        figure.legend(loc="lower center", ncols=2, title=f"AUC {auc:.3f}")
    return figure


# ---- a study --------------------------------------------------------------------------------------------------------


def study_plates(rows: pd.DataFrame, limit: int = 60) -> Figure:
    """Plates at a glance: wells kept, and quartiles of bead count and LISS quality over the wells of each plate."""
    wells = rows[rows["metric"].isin(("count_mean", "qc_slope", "qc_iqr")) & rows["entity"].str.contains(":")]
    wells = wells.assign(plate=wells["entity"].str.split(":").str[0], value=pd.to_numeric(wells["value"]))
    kept = rows[rows["metric"] == "wells_kept"].set_index("entity")["value"].astype(float)
    plates = sorted(set(wells["plate"]) | set(kept.index))
    position = {plate: number for number, plate in enumerate(plates)}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 1.7 + 0.24 * min(len(plates), limit)), layout="constrained")
        figure.suptitle("Plates at a glance", fontsize=12, fontweight="bold")
        axes = figure.subplots(1, 4, sharey=True)
        total = wells[wells["metric"] == "count_mean"].groupby("plate")["value"].size().reindex(plates).fillna(0)
        axes[0].barh(range(len(plates)), total, color=LIGHT, height=0.7, label="read")
        axes[0].barh(range(len(plates)), kept.reindex(plates).fillna(0), color=BLUE, height=0.7, label="kept")
        axes[0].set_xlabel("wells")
        axes[0].legend(loc="upper left", bbox_to_anchor=(0, 1.0), fontsize=7, ncols=2, facecolor="white", frameon=True)
        for axis, metric in zip(axes[1:], ("count_mean", "qc_slope", "qc_iqr"), strict=True):
            groups = wells[wells["metric"] == metric].groupby("plate")["value"]
            quartiles = groups.quantile(np.array([0.05, 0.25, 0.5, 0.75, 0.95])).unstack()
            at = [position[plate] for plate in quartiles.index]
            axis.hlines(at, quartiles[0.05], quartiles[0.95], color=SKY, lw=1.5)
            axis.hlines(at, quartiles[0.25], quartiles[0.75], color=BLUE, lw=5)
            axis.plot(quartiles[0.5], at, "|", color="white", ms=7, mew=1.6)
            axis.set_xlabel(f"{metric} ({METRICS[metric].unit})")
            axis.grid(axis="x", color=LIGHT, lw=0.5)
            axis.set_axisbelow(True)
        axes[1].set_title("over wells: 5-95 % (thin), 25-75 % (thick), median", loc="left", fontsize=8)
        axes[0].set_ylim(len(plates) - 0.3, -0.9)
        if len(plates) <= limit:
            axes[0].set_yticks(range(len(plates)), plates, fontsize=7)
        else:
            axes[0].set_ylabel(f"{counted(len(plates), 'plate')} in order of name")
    return figure


def study_activity(siginfo: pd.DataFrame) -> Figure:
    """TAS by type of perturbation, and its two parts: signature strength and replicate agreement."""
    table = siginfo.assign(pert_type=siginfo["pert_type"].fillna("unknown").map(plain_pert_type))
    counts = table["pert_type"].value_counts()
    types = list(counts.index[:6])
    colors = dict(zip(types, (BLUE, ORANGE, GREEN, PURPLE, SKY, RED), strict=False))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.5, 4.6), layout="constrained")
        figure.suptitle("Transcriptional activity of the signatures", fontsize=12, fontweight="bold")
        left, right = figure.subplots(1, 2)
        for name in types:
            values = np.sort(pd.to_numeric(table.loc[table["pert_type"] == name, "tas"], errors="coerce").dropna())
            if len(values):
                share = np.arange(len(values) + 1) / len(values)
                left.step(
                    np.concatenate([[0.0], values]),
                    share,
                    where="post",
                    color=colors[name],
                    lw=1.8,
                    label=f"{name} ({len(values)})",
                )
        left.set_xlabel("TAS")
        left.set_ylabel("share of signatures up to this TAS")
        left.set_xlim(0, None)
        left.set_ylim(0, 1.02)
        if left.get_legend_handles_labels()[0]:
            figure.legend(loc="outside lower left", title="pert_type (signatures)", ncols=4)
        else:
            left.text(0.5, 0.5, "no signature stands on two replicates", ha="center", transform=left.transAxes)
        known = table.dropna(subset=["distil_cc_q75", "ss_ngene"])
        for name in types:
            own = known[known["pert_type"] == name]
            size = 8 + 6 * own["distil_nsample"].to_numpy(float)
            right.scatter(own["distil_cc_q75"], own["ss_ngene"], s=size, color=colors[name], alpha=0.7, lw=0)
        right.set_xlim(min(0.0, float(known["distil_cc_q75"].min())) - 0.02 if len(known) else 0, 1)
        right.set_ylim(0, max(100.0, float(known["ss_ngene"].max()) * 1.08) if len(known) else 100)
        _tas_lines(right)
        right.set_xlabel("distil_cc_q75 (Spearman between replicates)")
        right.set_ylabel("ss_ngene (landmarks with |z| of at least 2)")
        right.set_title("lines: equal TAS", loc="right", fontsize=8, color=GREY)
    return figure


def _tas_lines(axis: Axes) -> None:
    """Lines of equal TAS = sqrt(ss_ngene * cc_q75 / 978)."""
    correlation = np.linspace(0.005, 1, 200)
    top = axis.get_ylim()[1]
    for score in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8):
        strength = score**2 * 978 / correlation
        if strength[-1] > top * 0.96:
            continue
        axis.plot(correlation, strength, color=GREY, lw=0.6, ls=":", zorder=0)
        axis.text(0.995, strength[-1], f"{score}", color=GREY, fontsize=7, ha="right", va="center",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    axis.set_ylim(0, top)


def query_connections(name: str, answers: Mapping[str, pd.DataFrame], n_top: int = 8, n_sets: int = 6) -> Figure:
    """Strongest positive and negative connections of each gene set of a query.

    Parameters
    ----------
    answers
        By gene set, a table with columns ``label`` and ``score``.
    """
    chosen = list(answers.items())[:n_sets]
    columns = min(len(chosen), 2) or 1
    lines = -(-len(chosen) // columns) or 1
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 0.9 + lines * (0.5 + 0.19 * 2 * n_top)), layout="constrained")
        more = f" (first {n_sets} of {len(answers)} gene sets)" if len(answers) > n_sets else ""
        figure.suptitle(f"{name}: strongest connections{more}", fontsize=12, fontweight="bold")
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for axis, (query, table) in zip(axes, chosen, strict=False):
            _connection_panel(axis, query, table, n_top)
        for axis in axes[len(chosen) :]:
            axis.set_visible(False)
    return figure


def _connection_panel(axis: Axes, query: str, table: pd.DataFrame, n_top: int) -> None:
    scores = table.dropna(subset=["score"]).sort_values("score", ascending=False, kind="stable")
    up, down = scores[scores["score"] > 0].head(n_top), scores[scores["score"] < 0].tail(n_top)
    shown = pd.concat([up, down])
    axis.set_title(query, loc="left")
    if shown.empty:
        axis.set_axis_off()
        axis.text(0.5, 0.5, "no connections", ha="center", transform=axis.transAxes, color=GREY)
        return
    at = np.arange(len(shown))
    axis.barh(at, shown["score"], color=np.where(shown["score"] > 0, RED, BLUE), height=0.75)
    axis.set_yticks(at, [str(label)[:44] for label in shown["label"]], fontsize=7)
    axis.set_ylim(len(shown) - 0.4, -0.6)
    axis.axvline(0, color="black", lw=0.8)
    axis.axhline(len(up) - 0.5, color=LIGHT, lw=0.8)
    axis.set_xlabel("normalised connectivity score (NCS)")
