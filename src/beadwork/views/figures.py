"""Figures of plates and studies, as matplotlib figures.

They draw tables that others have computed and compute nothing themselves beyond what a drawing needs.  The same table
gives the same SVG, byte for byte.  Colours are those of Okabe and Ito and viridis, which colour-blind readers can
distinguish.
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

from beadwork.model.errors import counted
from beadwork.model.ids import N_COLUMNS, ROWS, well_position
from beadwork.model.pert_types import EMPTY
from beadwork.model.qc import METRICS
from beadwork.views.places import Margins, headline, labels, place_axes, title, well_names
from beadwork.views.ticks import colour_bar, draw_ticks

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
_FATES_BESIDE = 4
"""Fates in a line of the legend."""
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
    "effective_beads": "beads of a known gene that give as much",
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
        figure = Figure(figsize=(11.5, 9.2))
        headline(figure, f"{plate}: wells")
        below = 0.471 if wells["fate"].nunique() <= _FATES_BESIDE else 0.65
        axes = place_axes(figure, 3, 2, Margins(0.174, 0.72, 0.48, below, across=0.83, down=0.418))
        for axis, metric in zip(axes, HEAT_METRICS, strict=False):
            _heat(axis, metric, wells)
        _fate_map(axes[-1], wells)
        well_names(figure, axes)
    return figure


def _layout(values: pd.Series) -> np.ndarray:
    grid = np.full((len(ROWS), N_COLUMNS), np.nan)
    for well, value in values.items():
        grid[well_position(str(well))] = value
    return grid


def _plate_axes(axis: Axes, words: str) -> None:
    title(axis, words)
    axis.set_xticks([])  # their names are written together (well_names)
    axis.set_yticks([])
    axis.set_xlim(-0.5, N_COLUMNS - 0.5)
    axis.set_ylim(len(ROWS) - 0.5, -0.5)
    for spine in axis.spines.values():
        spine.set_visible(True)
        spine.set_color(LIGHT)


def _heat(axis: Axes, metric: str, wells: pd.DataFrame) -> None:
    info = METRICS[metric]
    _plate_axes(axis, f"{metric}: {HEAT_METRICS.get(metric) or DOUBT_METRICS[metric]}")
    grid = _layout(wells[metric]) if metric in wells else np.full((len(ROWS), N_COLUMNS), np.nan)
    seen = grid[np.isfinite(grid)]
    if not len(seen):
        axis.text(0.5, 0.5, "not measured", transform=axis.transAxes, ha="center", color=GREY)
        return
    low, high = np.percentile(seen, [2, 98])
    drawn = axis.imshow(np.ma.masked_invalid(grid), cmap="viridis", vmin=low, vmax=high if high > low else low + 1,
                        aspect="auto", interpolation="none")  # fmt: skip
    colour_bar(axis, drawn, info.unit)


def _fate_map(axis: Axes, wells: pd.DataFrame) -> None:
    _plate_axes(axis, "what became of each well")
    names = list(FATES)
    grid = _layout(wells["fate"].map(names.index).astype(float))
    axis.imshow(np.ma.masked_invalid(grid), cmap=ListedColormap(list(FATES.values())), vmin=-0.5, vmax=len(names) - 0.5,
                aspect="auto", interpolation="none")  # fmt: skip
    columns, lines = np.arange(N_COLUMNS + 1) - 0.5, np.arange(len(ROWS) + 1) - 0.5
    for edges, ends, turn in ((columns, lines, 1), (lines, columns, -1)):  # white edges, each way as one shape
        along = np.repeat(edges, 3), np.tile([ends[0], ends[-1], np.nan], len(edges))
        axis.plot(*along[::turn], color="white", linewidth=0.6)
    counts = wells["fate"].value_counts()
    handles = [Patch(color=FATES[name], label=f"{name} ({counts[name]})") for name in names if name in counts]
    axis.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.07), fontsize=8, handlelength=1,
                ncols=_FATES_BESIDE)  # fmt: skip


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
        figure = Figure(figsize=(10.5, 4.9))
        headline(figure, f"{plate}: calibration curves")
        if curves.empty:
            figure.text(0.5, 0.5, "no calibration: the values were scaled already", ha="center", color=GREY)
            return figure
        points = curves[(curves["bead_set"] == curves["bead_set"].iloc[0]) & curves["calibrator"].notna()]
        points = points.assign(well=points["well"].astype(str).str.split(":").str[-1])
        numbers = ["log2_level", "measured", "curve", "a", "b", "k"]
        points[numbers] = points[numbers].apply(pd.to_numeric, errors="coerce")
        points["scaled"] = points["a"] * points["curve"].clip(lower=1) ** points["b"] + points["k"]
        fates = wells["fate"].reindex(points["well"]).fillna("kept").to_numpy()
        left, right = place_axes(figure, 1, 2, Margins(0.479, 0.042, 0.564, 0.753, across=0.541))
        _calibration_panel(left, points, fates, "measured", "as measured", "calibrator (log2 FI)")
        _calibration_panel(right, points, fates, "scaled", "after LISS", "calibrator, scaled (log2)")
        ends = points["log2_level"].min(), points["log2_level"].max()
        right.plot(ends, ends, color="black", lw=1, ls="--", zorder=4)
        shown = [fate for fate in FATES if fate in set(fates)]
        handles: list[Any] = [Patch(color=FATES[fate], label=fate) for fate in shown]
        handles += [Line2D([], [], color="black", label="median of kept wells"),
                    Line2D([], [], color="black", ls="--", lw=1, label="scaled = reference")]  # fmt: skip
        figure.legend(handles=handles, loc="lower center", ncols=len(handles))
    return figure


def _calibration_panel(
    axis: Axes, points: pd.DataFrame, fates: np.ndarray, column: str, words: str, label: str
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
    title(axis, words, pad=12)
    labels(axis, "reference level of the calibrator (log2); on top: CAL01 to CAL10", label)
    for number, level in enumerate(levels, 1):
        axis.text(level, 1.0, str(number), transform=axis.get_xaxis_transform(), ha="center", fontsize=7, color=GREY)
    draw_ticks(axis, grid=LIGHT)


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
        handles: list[Any] = [Patch(color=LIGHT, label="beads"), Patch(color=BLUE, label="gene of the larger share"),
                              Patch(color=RED, label="gene of the smaller share")]  # fmt: skip
        if any(panel.curves for panel in panels):
            handles += [Line2D([], [], color=GREY, lw=1.4, label="beads expected of each gene, black: of both")]
        if any(panel.sd for panel in panels):
            handles += [Patch(facecolor=GREY, alpha=0.45, label="on top: posterior of each value")]
        beside = (2, 3, 5)[columns - 1]
        below = 0.75 + 0.19 * (-(-len(handles) // beside) - 1)
        figure = Figure(figsize=(max(3.6 * columns, 7.2), 1.2 + 2.7 * lines))
        headline(figure, f"{plate}, well {well}: {words}")
        axes = place_axes(figure, lines, columns, Margins(0.479, 0.09, 0.581, below, across=0.392, down=0.594))
        for axis, panel in zip(axes, panels, strict=False):
            _bead_panel(axis, panel)
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        for axis in axes[::columns]:
            labels(axis, y=f"beads in {BEAD_BIN:g} log2")
        for axis in axes[max(0, len(panels) - columns) : len(panels)]:
            labels(axis, "log2 FI")
        figure.legend(handles=handles, loc="lower center", ncols=beside, handlelength=1.4, fontsize=8)
    return figure


def _bead_panel(axis: Axes, panel: BeadPanel) -> None:
    values = np.array(list(panel.genes.values()))
    uncertainty = np.nan_to_num(np.array(panel.sd or (0.0, 0.0)))
    ends = np.concatenate([np.percentile(panel.beads, [3, 97]) if len(panel.beads) else [], values])
    middle, half = (ends.min() + ends.max()) / 2, max((ends.max() - ends.min()) / 2 + 0.9, 2.5)
    low, high = max(3.0, min(middle - half, 15 - 2 * half)), min(15.0, max(middle + half, 3 + 2 * half))
    counts, edges = np.histogram(panel.beads, bins=np.arange(3, 15.01, BEAD_BIN))
    axis.stairs(counts, edges, fill=True, color=LIGHT)
    title(axis, panel.title, fontsize=9, pad=14)
    notes = counted(len(panel.beads), "bead")
    if panel.odds is not None and np.isfinite(panel.odds):
        number = f"{panel.odds:.2g}" if panel.odds < 10 else f"{min(panel.odds, _SURE):,.0f}"
        notes += f", odds of this order {'over ' if panel.odds > _SURE else ''}{number} to 1"
    axis.text(0, 1.02, notes, transform=axis.transAxes, fontsize=7.5, color="#555555")
    both = np.sum(panel.curves, axis=0) * BEAD_BIN if panel.curves else np.zeros(1)
    top = max(float(counts.max(initial=1)), float(both.max()), 1.0)
    strip = 0.25 if panel.sd else 0.0  # height of the posteriors above the beads
    axis.set_ylim(0, top * (1.3 + strip))
    axis.set_xlim(low, high)
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    seen = slice(*np.searchsorted(CURVE_AT, (low - BEAD_BIN, high + BEAD_BIN)))
    for curve, color in zip(panel.curves, (BLUE, RED), strict=False):
        axis.plot(CURVE_AT[seen], curve[seen] * BEAD_BIN, color=color, lw=1.4)
    if panel.curves:
        axis.plot(CURVE_AT[seen], both[seen], color="black", lw=0.7, alpha=0.7, zorder=1.5)
    if panel.sd:
        fine = np.linspace(low, high, 801)
        for value, sd, color in zip(values, uncertainty, (BLUE, RED), strict=False):
            if sd > 0:
                near_value = fine[np.abs(fine - value) < 5 * sd]
                shape = np.exp(-0.5 * ((near_value - value) / sd) ** 2)
                axis.fill_between(near_value, top * 1.08, top * (1.08 + 0.22 * shape), color=color, alpha=0.45, lw=0)
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
    draw_ticks(axis, highest=top * 1.05)


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
        figure = Figure(figsize=(11.5, 7.4))
        headline(figure, f"{plate}: how sure the values are")
        axes = place_axes(figure, 2, 2, Margins(0.174, 0.76, 0.481, 0.444, across=1.444, down=0.419))
        for axis, metric in zip(axes, DOUBT_METRICS, strict=False):
            _heat(axis, metric, wells)
        well_names(figure, axes[:-1])
        axis = axes[-1]
        drawn = pairs.sort_values("ambiguous", kind="stable")
        points = axis.scatter(drawn["gap"], drawn["sd"], c=drawn["ambiguous"], s=12, cmap="viridis", vmin=0, vmax=1)
        labels(axis, "gap of the two genes, median over wells (log2 FI)",
               "posterior sd of the less sure gene (log2 FI)", beside=0.45)  # fmt: skip
        axis.yaxis.set_major_locator(
            MaxNLocator(5, steps=[1, 2, 5, 10])
        )  # 0.05, not 0.025: two digits fit beside the name
        often = float((pairs["ambiguous"] > 0.5).mean()) if len(pairs) else 0.0
        title(axis, f"each pair: {100 * often:.0f} % are ambiguous in most wells")
        axis.set_xlim(0, None)
        axis.set_ylim(0, None)
        draw_ticks(axis, grid=LIGHT)
        colour_bar(axis, points, "share of wells in which it is ambiguous", ends=False)
    return figure
