"""Figures of plates and studies, as matplotlib figures.

They draw tables that others have computed and compute nothing themselves beyond what a drawing needs.  The same table
gives the same SVG, byte for byte.  Colours are those of Okabe and Ito and viridis, which colour-blind readers tell
apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from beadwork.model.ids import N_COLUMNS, ROWS, well_position
from beadwork.model.pert_types import EMPTY, plain_pert_type
from beadwork.model.qc import METRICS

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

BLUE, ORANGE, GREEN, RED, GREY, YELLOW, SKY, PURPLE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8A8A8A", "#F0E442", "#56B4E9", "#CC79A7",
)  # fmt: skip
LIGHT = "#DDDDDD"
STYLE: dict[RcKeyType, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "beadwork",
    "svg.fonttype": "path",
    "figure.dpi": 100,
}
FATES = {
    "kept": BLUE,
    "outlier": ORANGE,
    "LISS failed": RED,
    "no cells (lma)": GREEN,
    "unreadable": PURPLE,
    "no file": YELLOW,
}
"""What becomes of a well, with its colour."""
HEAT_METRICS = {
    "count_mean": "beads per analyte",
    "count_cv": "spread of the bead counts",
    "qc_slope": "slope of the calibration curve",
    "qc_f_logp": "fit of the calibration curve",
    "qc_iqr": "dynamic range of the scaled profile",
}
"""QC metrics of a well that are drawn, with a short title."""
DOUBT_METRICS = {
    "ambiguous": "pairs that may be swapped",
    "effective_beads": "beads of a known gene that tell as much",
    "outlier_beads": "beads of neither gene",
}
"""Likewise, of how sure its values are."""


def render(figure: Figure, kind: str = "svg", dpi: int = 150) -> bytes:
    """Draw a figure as SVG (or PNG): no date, fixed ids, so that equal tables give equal bytes."""
    buffer = BytesIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": "beadwork"} if kind == "svg" else {"Software": "beadwork"}
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


# ---- one plate ------------------------------------------------------------------------------------------------------


def wells_of_plate(rows: pd.DataFrame, plate: str) -> pd.DataFrame:
    """QC rows of deconvolve and normalize as a table of wells.

    Columns: the metrics of :data:`HEAT_METRICS` and :data:`DOUBT_METRICS`, and ``fate``.
    """
    own = rows[rows["entity"].astype(str).str.startswith(f"{plate}:")]
    wells = own["entity"].astype(str).str.split(":").str[-1]
    table = pd.DataFrame(index=pd.Index(sorted(set(wells)), name="well"))
    for metric in (*HEAT_METRICS, *DOUBT_METRICS):
        chosen = own["metric"] == metric
        values = pd.to_numeric(own.loc[chosen, "value"], errors="coerce").to_numpy()
        series = pd.Series(values, index=wells[chosen].tolist())
        table[metric] = series[~series.index.duplicated()]
    fates = pd.Series("kept", index=table.index, dtype=object)
    for metric, fate in (
        ("map_without_well", "no file"),
        ("well_unusable", "unreadable"),
        ("outlier", "outlier"),
        ("liss_failed", "LISS failed"),
    ):
        chosen = own["metric"] == metric
        fates[wells[chosen].tolist()] = fate
        if metric in ("outlier", "liss_failed"):
            empty = chosen & own["value"].astype(str).str.contains(f"pert_type {EMPTY}", case=False, regex=False)
            fates[wells[empty].tolist()] = "no cells (lma)"
    return table.assign(fate=fates)


def plate_wells(plate: str, wells: pd.DataFrame) -> Figure:
    """Heat maps of a plate on its 16 x 24 layout: bead counts, LISS quality, and the fate of each well."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11.5, 9.2), layout="constrained")
        figure.suptitle(f"{plate}: wells", fontsize=12, fontweight="bold")
        axes = figure.subplots(3, 2).ravel()
        for axis, metric in zip(axes, HEAT_METRICS, strict=False):
            _heat(figure, axis, metric, wells)
        _fate_map(axes[-1], wells)
    return figure


def _layout(values: pd.Series) -> np.ndarray:
    grid = np.full((len(ROWS), N_COLUMNS), np.nan)
    for well, value in values.items():
        grid[well_position(str(well))] = value
    return grid


def _plate_axes(axis: Axes, title: str) -> None:
    axis.set_title(title, loc="left")
    axis.set_xticks(range(0, N_COLUMNS, 1), [str(number) for number in range(1, N_COLUMNS + 1)], fontsize=7)
    axis.set_yticks(range(len(ROWS)), list(ROWS), fontsize=7)
    axis.set_xlim(-0.5, N_COLUMNS - 0.5)
    axis.set_ylim(len(ROWS) - 0.5, -0.5)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(True)
        spine.set_color(LIGHT)


def _heat(figure: Figure, axis: Axes, metric: str, wells: pd.DataFrame) -> None:
    info = METRICS[metric]
    _plate_axes(axis, f"{metric}: {HEAT_METRICS.get(metric) or DOUBT_METRICS[metric]}")
    grid = _layout(wells[metric]) if metric in wells else np.full((len(ROWS), N_COLUMNS), np.nan)
    seen = grid[np.isfinite(grid)]
    if not len(seen):
        axis.text(0.5, 0.5, "not measured", transform=axis.transAxes, ha="center", color=GREY)
        return
    low, high = np.percentile(seen, [2, 98])
    edges_x, edges_y = np.arange(N_COLUMNS + 1) - 0.5, np.arange(len(ROWS) + 1) - 0.5
    mesh = axis.pcolormesh(edges_x, edges_y, np.ma.masked_invalid(grid), cmap="viridis", vmin=low,
                           vmax=high if high > low else low + 1)  # fmt: skip
    bar = figure.colorbar(mesh, ax=axis, shrink=0.8, pad=0.01, extend="both")
    bar.set_label(info.unit, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)


def _fate_map(axis: Axes, wells: pd.DataFrame) -> None:
    _plate_axes(axis, "what became of each well")
    names = list(FATES)
    grid = _layout(wells["fate"].map(names.index).astype(float))
    edges_x, edges_y = np.arange(N_COLUMNS + 1) - 0.5, np.arange(len(ROWS) + 1) - 0.5
    axis.pcolormesh(edges_x, edges_y, np.ma.masked_invalid(grid), cmap=ListedColormap(list(FATES.values())),
                    vmin=-0.5, vmax=len(names) - 0.5, edgecolors="white", linewidth=0.6)  # fmt: skip
    counts = wells["fate"].value_counts()
    handles = [Patch(color=FATES[name], label=f"{name} ({counts[name]})") for name in names if name in counts]
    axis.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.07), fontsize=8, handlelength=1, ncols=4)


def calibration_curves(plate: str, curves: pd.DataFrame, wells: pd.DataFrame) -> Figure:
    """Calibrators of all wells against their reference levels, as measured and after LISS.

    Parameters
    ----------
    curves
        Rows of well, bead_set, calibrator, log2_level, measured, curve, a, b and k (``beadwork normalize --curves``).
        The calibrators of both bead sets are the same beads, so the first set is drawn.
    wells
        Table with ``fate`` by well.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.5, 4.9), layout="constrained")
        figure.suptitle(f"{plate}: calibration curves", fontsize=12, fontweight="bold")
        if curves.empty:
            figure.text(0.5, 0.5, "no calibration: the values were scaled already", ha="center", color=GREY)
            return figure
        points = curves[(curves["bead_set"] == curves["bead_set"].iloc[0]) & curves["calibrator"].notna()]
        points = points.assign(well=points["well"].astype(str).str.split(":").str[-1])
        numbers = ["log2_level", "measured", "curve", "a", "b", "k"]
        points[numbers] = points[numbers].apply(pd.to_numeric, errors="coerce")
        points["scaled"] = points["a"] * points["curve"].clip(lower=1) ** points["b"] + points["k"]
        fates = wells["fate"].reindex(points["well"]).fillna("kept").to_numpy()
        left, right = figure.subplots(1, 2)
        _calibration_panel(left, points, fates, "measured", "as measured", "calibrator (log2 FI)")
        _calibration_panel(right, points, fates, "scaled", "after LISS", "calibrator, scaled (log2)")
        ends = points["log2_level"].min(), points["log2_level"].max()
        right.plot(ends, ends, color="black", lw=1, ls="--", zorder=4)
        shown = [fate for fate in FATES if fate in set(fates)]
        handles: list[Any] = [Patch(color=FATES[fate], label=fate) for fate in shown]
        handles += [Line2D([], [], color="black", label="median of kept wells"),
                    Line2D([], [], color="black", ls="--", lw=1, label="scaled = reference")]  # fmt: skip
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _calibration_panel(
    axis: Axes, points: pd.DataFrame, fates: np.ndarray, column: str, title: str, label: str
) -> None:
    wide = points.pivot(index="well", columns="log2_level", values=column)
    fate = pd.Series(fates, index=points["well"]).groupby(level=0).first().reindex(wide.index)
    levels = wide.columns.to_numpy(float)
    for group in sorted(set(fate), key=list(FATES).index):
        lines = [
            np.column_stack([levels, row]) for row in wide[fate == group].to_numpy(float) if np.isfinite(row).all()
        ]
        kept = group == "kept"
        axis.add_collection(LineCollection(lines, colors=FATES[group], linewidths=0.5 if kept else 1.1,
                                           alpha=0.35 if kept else 0.9, zorder=2 if kept else 3))  # fmt: skip
    axis.autoscale()
    if (fate == "kept").any() and column == "measured":
        axis.plot(levels, wide[fate == "kept"].median(), color="black", lw=1.6, zorder=4)
    axis.set_title(title, loc="left", pad=12)
    axis.set_ylabel(label)
    axis.set_xlabel("reference level of the calibrator (log2); on top: CAL01 to CAL10")
    for number, level in enumerate(levels, 1):
        axis.text(level, 1.0, str(number), transform=axis.get_xaxis_transform(), ha="center", fontsize=7, color=GREY)
    axis.grid(color=LIGHT, lw=0.4)
    axis.set_axisbelow(True)


CURVE_AT = np.linspace(3, 15, 961)
"""Positions at which curves over beads are given (log2 FI)."""
BEAD_BIN = 0.25
"""Width of the bins of a bead histogram (log2 FI)."""
_SURE = 1000.0
"""Odds that need no number."""


@dataclass(frozen=True)
class BeadPanel:
    """Beads of one analyte in one well, and the values called for its two genes (log2 FI)."""

    title: str
    beads: np.ndarray
    genes: Mapping[str, float]
    """Called value by gene, the gene of the larger share first."""
    sd: tuple[float, ...] = ()
    """Posterior standard deviation of each called value (log2), if the method gives one."""
    curves: tuple[np.ndarray, ...] = ()
    """Expected beads per log2 unit of each component at :data:`CURVE_AT`, if the method fits any."""
    odds: float | None = None
    """Odds that the two genes are not swapped, if the method gives them."""


def bead_histograms(
    plate: str, well: str, panels: Sequence[BeadPanel], words: str = "beads and the values called"
) -> Figure:
    """Histograms of the beads of some analytes, with the called values and, where given, components and posteriors."""
    columns = min(3, max(1, len(panels)))
    lines = max(1, -(-len(panels) // columns))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(3.6 * columns, 7.2), 1.2 + 2.7 * lines), layout="constrained")
        figure.suptitle(f"{plate}, well {well}: {words}", fontsize=12, fontweight="bold")
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for axis, panel in zip(axes, panels, strict=False):
            _bead_panel(axis, panel)
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        for axis in axes[::columns]:
            axis.set_ylabel(f"beads in {BEAD_BIN:g} log2")
        for axis in axes[max(0, len(panels) - columns) : len(panels)]:
            axis.set_xlabel("log2 FI")
        handles: list[Any] = [Patch(color=LIGHT, label="beads"), Patch(color=BLUE, label="gene of the larger share"),
                              Patch(color=RED, label="gene of the smaller share")]  # fmt: skip
        if any(panel.curves for panel in panels):
            handles += [Line2D([], [], color=GREY, lw=1.4, label="beads expected of each gene, black: of both")]
        if any(panel.sd for panel in panels):
            handles += [Patch(facecolor=GREY, alpha=0.45, label="on top: posterior of each value")]
        figure.legend(handles=handles, loc="outside lower center", ncols=(2, 3, 5)[columns - 1], handlelength=1.4)
    return figure


def _bead_panel(axis: Axes, panel: BeadPanel) -> None:
    values = np.array(list(panel.genes.values()))
    doubt = np.nan_to_num(np.array(panel.sd or (0.0, 0.0)))
    ends = np.concatenate([np.percentile(panel.beads, [3, 97]) if len(panel.beads) else [], values])
    middle, half = (ends.min() + ends.max()) / 2, max((ends.max() - ends.min()) / 2 + 0.9, 2.5)
    low, high = max(3.0, min(middle - half, 15 - 2 * half)), min(15.0, max(middle + half, 3 + 2 * half))
    counts, edges = np.histogram(panel.beads, bins=np.arange(3, 15.01, BEAD_BIN))
    axis.stairs(counts, edges, fill=True, color=LIGHT)
    axis.set_title(panel.title, loc="left", fontsize=9, pad=14)
    notes = f"{len(panel.beads)} beads"
    if panel.odds is not None and np.isfinite(panel.odds):
        number = f"{panel.odds:.2g}" if panel.odds < 10 else f"{min(panel.odds, _SURE):,.0f}"
        notes += f", odds of this order {'over ' if panel.odds > _SURE else ''}{number} to 1"
    note = axis.text(0, 1.02, notes, transform=axis.transAxes, fontsize=7.5, color="#555555")
    note.set_in_layout(False)
    both = np.sum(panel.curves, axis=0) * BEAD_BIN if panel.curves else np.zeros(1)
    top = max(float(counts.max(initial=1)), float(both.max()), 1.0)
    strip = 0.25 if panel.sd else 0.0  # height of the posteriors above the beads
    axis.set_ylim(0, top * (1.3 + strip))
    axis.set_xlim(low, high)
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axis.set_yticks([tick for tick in axis.get_yticks() if tick <= top * 1.05])
    for curve, color in zip(panel.curves, (BLUE, RED), strict=False):
        axis.plot(CURVE_AT, curve * BEAD_BIN, color=color, lw=1.4)
    if panel.curves:
        axis.plot(CURVE_AT, both, color="black", lw=0.7, alpha=0.7, zorder=1.5)
    if panel.sd:
        fine = np.linspace(low, high, 801)
        for value, sd, color in zip(values, doubt, (BLUE, RED), strict=False):
            if sd > 0:
                shape = np.exp(-0.5 * ((fine - value) / sd) ** 2)
                axis.fill_between(fine, top * 1.08, top * (1.08 + 0.22 * shape), color=color, alpha=0.45, lw=0)
        axis.axhline(top * 1.08, color=LIGHT, lw=0.8, zorder=0)
    order = np.argsort(values, kind="stable")
    for rank, place in enumerate(order):
        gene, color = list(panel.genes)[place], (BLUE, RED)[place]
        axis.plot([values[place]] * 2, [0, top * 1.08], color=color, lw=1.2, ls=(0, (3, 2)) if panel.curves else "-")
        near = (values[place] - low) / (high - low)
        side = "right" if (rank == 0 and near > 0.2) or near > 0.8 else "left"
        aside = (rank == 0) != (side == "right")  # at the edge of the panel: above the other label
        height = (1.2 if aside else 1.12) + strip
        axis.annotate(gene, (values[place], top * height), (-3 if side == "right" else 3, 0), color=color,
                      textcoords="offset points", ha=side, fontsize=8.5, fontweight="bold")  # fmt: skip


def plate_ambiguity(plate: str, wells: pd.DataFrame, pairs: pd.DataFrame) -> Figure:
    """Show how sure a plate's deconvolution is: by well on its layout, and by pair against the gap of the genes.

    Parameters
    ----------
    wells
        Index wells; columns of :data:`DOUBT_METRICS`.
    pairs
        One row a pair, index the analyte: gap (median |hi - lo| over the wells, log2), sd (median over the wells of the
        larger uncertainty of its genes, log2) and ambiguous (share of wells in which the genes may be the other way
        round).
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11.5, 7.4), layout="constrained")
        figure.suptitle(f"{plate}: how sure the values are", fontsize=12, fontweight="bold")
        axes = figure.subplots(2, 2).ravel()
        for axis, metric in zip(axes, DOUBT_METRICS, strict=False):
            _heat(figure, axis, metric, wells)
        axis = axes[-1]
        drawn = pairs.sort_values("ambiguous", kind="stable")
        points = axis.scatter(drawn["gap"], drawn["sd"], c=drawn["ambiguous"], s=12, cmap="viridis", vmin=0, vmax=1)
        axis.set(xlabel="gap of the two genes, median over wells (log2 FI)",
                 ylabel="posterior sd of the less sure gene (log2 FI)")  # fmt: skip
        often = float((pairs["ambiguous"] > 0.5).mean()) if len(pairs) else 0.0
        axis.set_title(f"each pair: {100 * often:.0f} % are ambiguous in most wells", loc="left")
        axis.set_xlim(0, None)
        axis.set_ylim(0, None)
        axis.grid(color=LIGHT, lw=0.4)
        axis.set_axisbelow(True)
        bar = figure.colorbar(points, ax=axis, shrink=0.8, pad=0.01)
        bar.set_label("share of wells in which it is ambiguous", fontsize=8)
        bar.ax.tick_params(labelsize=7)
        bar.outline.set_visible(False)
    return figure


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
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axis = figure.subplots()
        axis.set_title(
            f"{brew}: {'wells of one plate' if within else 'replicate plates'}", loc="left", fontweight="bold"
        )
        if not len(same):
            axis.set_axis_off()
            axis.text(0.5, 0.5, "no treatment stands in more than one well", ha="center", transform=axis.transAxes)
            return figure
        both = np.concatenate([same, different])
        bins = np.linspace(np.floor(both.min() * 10) / 10, 1.0, 41)
        for values, name, color in ((different, words[1], GREY), (same, words[0], BLUE)):
            density, _ = np.histogram(values, bins=bins, density=True)
            axis.stairs(density, bins, fill=True, color=color, alpha=0.55, label=f"{name}: {len(values):,} pairs, "
                        f"median {np.median(values):.2f}")  # fmt: skip
            axis.axvline(np.median(values), color=color, lw=1.2, ls="--")
        axis.set_xlabel("Spearman correlation of ZSPC, 978 landmarks")
        axis.set_ylabel("density of pairs")
        figure.legend(loc="outside lower center", ncols=2, title=f"AUC {auc:.3f}")
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
            axes[0].set_ylabel(f"{len(plates)} plates in order of name")
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
