"""Figure of the noise that the wells of a plate share: its first factor over the plate, and what its QC rows say."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from beadwork.model.ids import N_COLUMNS, ROWS, parse_well, well_position
from beadwork.model.pert_types import is_null
from beadwork.model.qc import METRICS
from beadwork.views.figures import GREY, LIGHT, STYLE
from beadwork.views.places import Margins, headline, place_axes, title, well_names
from beadwork.views.ticks import colour_bar


def noise_map(plate: str, wells: pd.DataFrame, rows: pd.DataFrame) -> Figure:
    """Draw the first noise factor of every well, control wells framed, beside the QC of noise control.

    Parameters
    ----------
    wells
        Annotation of ZSNC: index ids ``{det_plate}:{well}``, fields noise_factor and pert_type.
    rows
        QC rows of ``denoise``.
    """
    grid = np.full((len(ROWS), N_COLUMNS), np.nan)
    controls = []
    for cid, well in wells.iterrows():
        name = parse_well(str(cid).rpartition(":")[2])
        if name is None:
            continue
        grid[well_position(name)] = well["noise_factor"]
        if is_null(well.get("pert_type")):
            controls.append(well_position(name))
    seen = grid[np.isfinite(grid)]
    reach = float(np.percentile(np.abs(seen), 98)) if len(seen) else 1.0
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.5, 4.4))
        headline(figure, f"{plate}: noise that wells share")
        (axis,) = place_axes(figure, 1, 1, Margins(0.174, 4.1, 0.49, 0.24))
        (words,) = place_axes(figure, 1, 1, Margins(7.17, 0.04, 0.49, 0.24))
        title(axis, "first noise factor; control wells are framed")
        edges = np.arange(N_COLUMNS + 1) - 0.5, np.arange(len(ROWS) + 1) - 0.5
        mesh = axis.pcolormesh(
            *edges, np.ma.masked_invalid(grid), cmap="PuOr", vmin=-(reach or 1.0), vmax=reach or 1.0
        )  # fmt: skip
        for row, column in controls:
            axis.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="black", lw=1.2))
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_ylim(len(ROWS) - 0.5, -0.5)
        well_names(figure, [axis])
        for spine in axis.spines.values():
            spine.set_visible(True)
            spine.set_color(LIGHT)
        colour_bar(axis, mesh)
        words.axis("off")
        for line, metric in enumerate(rows[rows["stage"] == "denoise"].to_dict("records")):
            height = 0.95 - 0.105 * line
            text = METRICS[metric["metric"]].doc if metric["metric"] in METRICS else ""
            words.text(0, height, f"{metric['metric']}  {float(metric['value']):.3g}", fontsize=9, fontweight="bold")
            words.text(0, height - 0.043, _short(text), fontsize=7, color=GREY)
    return figure


def _short(text: str) -> str:
    return text if len(text) <= 72 else text[:69] + "..."
