"""Figures: fates read from QC rows, equal tables give equal bytes, and nothing breaks on thin data."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from beadwork.model.qc import join_qc, qc_rows
from beadwork.views.figures import (
    CURVE_AT,
    FATES,
    HEAT_METRICS,
    BeadPanel,
    bead_histograms,
    calibration_curves,
    plate_ambiguity,
    plate_wells,
    render,
    wells_of_plate,
)
from beadwork.views.study_figures import query_connections, replicate_correlation, study_activity, study_plates

PLATE = "TOY001_A375_24H_X1_B20"


@pytest.fixture
def rows() -> pd.DataFrame:
    """QC rows of a plate of six wells, one of each fate."""
    wells = [f"{PLATE}:{name}" for name in ("A01", "A02", "A03", "A04", "B01", "B02")]
    values = pd.Series(np.linspace(50, 60, 4), index=wells[:4])
    return join_qc(
        [
            *(qc_rows("deconvolve", metric, values) for metric in ("count_mean", "count_cv")),
            *(qc_rows("normalize", metric, values) for metric in ("qc_slope", "qc_f_logp", "qc_iqr")),
            qc_rows("normalize", "outlier", {wells[0]: "pert_type lma_x", wells[1]: "qc_slope 12"}, passed=False),
            qc_rows("normalize", "liss_failed", {wells[2]: "no beads of CAL01"}, passed=False),
            qc_rows("deconvolve", "well_unusable", {wells[4]: "is truncated"}, passed=False),
            qc_rows("deconvolve", "map_without_well", {wells[5]: "no file"}, passed=False),
            qc_rows("normalize", "wells_kept", {PLATE: 1}),
        ]
    )


@pytest.fixture
def curves() -> pd.DataFrame:
    """Calibration curves of two wells."""
    levels = np.linspace(5, 12, 10)
    return pd.DataFrame(
        [
            {"well": f"{PLATE}:{well}", "bead_set": half, "calibrator": f"CAL{number:02d}", "log2_level": level,
             "measured": level - 0.5, "curve": level - 0.5, "a": 1.0, "b": 1.0, "k": 0.5}
            for well in ("A03", "A04") for half in ("dp52", "dp53") for number, level in enumerate(levels, 1)
        ]
    )  # fmt: skip


def test_fates_of_wells_come_from_the_qc_rows(rows):
    wells = wells_of_plate(rows, PLATE)
    assert wells["fate"].to_dict() == {
        "A01": "no cells (lma)", "A02": "outlier", "A03": "LISS failed", "A04": "kept", "B01": "unreadable",
        "B02": "no file",
    }  # fmt: skip
    assert set(wells["fate"]) == set(FATES)
    assert wells.loc["A04", "qc_slope"] == 60
    assert np.isnan(wells.loc["B01", "count_mean"])


def all_figures(rows, curves):
    wells = wells_of_plate(rows, PLATE)
    rng = np.random.default_rng(1)
    siginfo = pd.DataFrame(
        {"pert_type": ["trt_cp", "ctl_vehicle", np.nan], "tas": [0.4, 0.1, 0.2], "distil_cc_q75": [0.5, 0.1, -0.1],
         "ss_ngene": [200, 20, 40], "distil_nsample": [3, 3, 1]}
    )  # fmt: skip
    answers = {"HDAC": pd.DataFrame({"label": list("abcd"), "score": [1.5, 0.2, -0.1, np.nan]})}
    panel = BeadPanel("analyte 11, far apart", rng.normal(9, 1, 90), {"TP53": 9.5, "GAPDH": 12.0})
    return {
        "wells": plate_wells(PLATE, wells),
        "calibration": calibration_curves(PLATE, curves, wells),
        "beads": bead_histograms(PLATE, "A04", [panel]),
        "replicates": replicate_correlation("TOY", rng.uniform(0, 1, 9), rng.uniform(-0.2, 0.3, 30), 0.9),
        "plates": study_plates(rows),
        "tas": study_activity(siginfo),
        "connections": query_connections("q", answers),
    }


def test_equal_tables_give_equal_bytes(rows, curves):
    first = {name: render(figure) for name, figure in all_figures(rows, curves).items()}
    again = all_figures(rows, curves)
    for name in ("calibration", "beads", "tas"):
        assert render(again[name]) == first[name]
    for svg in first.values():
        assert b"<dc:date>" not in svg
        assert svg.rstrip().endswith(b"</svg>")


def test_figures_of_plates_are_drawn_once_and_nothing_is_cut_off(rows, curves, monkeypatch):
    """A layout that measures texts draws everything twice; fixed places must still hold all texts and legends."""
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawn = []
    draw = Axes.draw
    monkeypatch.setattr(Axes, "draw", lambda self, renderer: drawn.append(self) or draw(self, renderer))
    curve = np.exp(-((CURVE_AT - 8) ** 2))
    panel = BeadPanel("analyte 12", np.full(900, 8.0), {"A": 8.0, "B": 9.0}, (0.05, 0.1), (curve, curve), 1.25)
    wells = wells_of_plate(rows, PLATE).assign(ambiguous=0.123, effective_beads=123.0, outlier_beads=0.0123)
    pairs = pd.DataFrame({"gap": [0.1, 2.0], "sd": [0.2, 0.05], "ambiguous": [0.9, 0.0]})
    figures = {name: all_figures(rows, curves)[name] for name in ("wells", "calibration", "replicates")}
    figures["ambiguity"] = plate_ambiguity(PLATE, wells, pairs)
    figures |= {f"beads {count}": bead_histograms(PLATE, "A04", [panel] * count) for count in (1, 2, 3, 4, 6)}
    for name, figure in figures.items():
        drawn.clear()
        render(figure)
        assert len(drawn) == len(set(drawn)) == len(figure.axes), name
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        whole = figure.bbox.padded(1)
        axes = [axis.get_tightbbox(renderer) for axis in figure.axes if axis.get_visible()]
        for box in [*axes, *(legend.get_window_extent(renderer) for legend in figure.legends)]:
            assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1, name
        for legend in figure.legends:
            assert not any(box.overlaps(legend.get_window_extent(renderer).padded(-4)) for box in axes), name


def test_names_of_wells_stand_where_ticks_would(rows):
    """One shape for all of them: as wide as the plates, left of and below them."""
    figure = plate_wells(PLATE, wells_of_plate(rows, PLATE))
    (names,) = [artist for artist in figure.artists if artist.get_gid() == "well_names"]
    points = names.get_path().vertices
    size = figure.get_size_inches()
    for axis in figure.axes[:6]:
        place = axis.get_position()
        (left, low), (right, high) = place.min * size, place.max * size
        inside = (points[:, 0] > left) & (points[:, 0] < right) & (points[:, 1] > low - 0.2) & (points[:, 1] < low)
        beside = (points[:, 0] > left - 0.15) & (points[:, 0] < left) & (points[:, 1] > low) & (points[:, 1] < high)
        assert inside.sum() > 24 * 5 and beside.sum() > 16 * 5
    assert b'id="well_names"' in render(figure)


def test_png_is_written_too(rows):
    assert render(study_plates(rows), "png").startswith(b"\x89PNG")


def test_thin_data_is_said_in_words(rows, curves):
    wells = wells_of_plate(rows, PLATE)
    empty = np.array([])
    none = pd.DataFrame({name: [] for name in ("pert_type", "tas", "distil_cc_q75", "ss_ngene", "distil_nsample")})
    for figure, words in (
        (calibration_curves(PLATE, curves.iloc[:0], wells), "no calibration: the values were scaled already"),
        (replicate_correlation("TOY", empty, empty, np.nan), "no treatment stands in more than one well"),
        (study_activity(none.astype({"pert_type": object})), "no signature stands on two replicates"),
        (query_connections("q", {"x": pd.DataFrame({"label": [], "score": []}, dtype=float)}), "no connections"),
    ):
        texts = [text.get_text() for text in figure.texts] + [t.get_text() for axis in figure.axes for t in axis.texts]
        assert words in texts
        render(figure)
    no_metrics = wells.assign(qc_slope=np.nan)
    assert "not measured" in [text.get_text() for axis in plate_wells(PLATE, no_metrics).axes for text in axis.texts]


def test_a_heat_map_is_one_picture_with_each_well_in_its_place(rows):
    """Wells and colour bars as pictures, of as many points as there are wells: the looks of a shape for each well."""
    wells = wells_of_plate(rows, PLATE)
    figure = plate_wells(PLATE, wells)
    drawn = [axis for axis in figure.axes[:5] if axis.images]
    assert drawn
    for axis, metric in zip(figure.axes, HEAT_METRICS, strict=False):
        if not axis.images:
            continue
        values = axis.images[0].get_array()
        assert values.shape == (16, 24)
        assert tuple(axis.images[0].get_extent()) == (-0.5, 23.5, 15.5, -0.5)
        for well, value in wells[metric].dropna().items():
            assert values["ABCDEFGHIJKLMNOP".index(well[0]), int(well[1:]) - 1] == value
        assert values.count() == wells[metric].notna().sum()
    size = figure.get_size_inches()
    for axis in drawn:
        left, right, low, high = axis.images[1].get_extent()
        place = axis.get_position()
        assert place.x1 * size[0] < left < right
        assert place.y0 * size[1] < low < high < place.y1 * size[1]
        assert len(axis.images[1].get_array()) == 256
    assert render(figure).count(b"<image") == 2 * len(drawn) + 1
    fates = figure.axes[5].images[0].get_array()
    for well, fate in wells["fate"].items():
        assert list(FATES)[int(fates["ABCDEFGHIJKLMNOP".index(well[0]), int(well[1:]) - 1])] == fate
    assert fates.count() == len(wells)


def test_ambiguity_page_and_uncertain_panels():
    wells = pd.DataFrame(
        {"ambiguous": [0.1, 0.2], "effective_beads": [30.0, 40.0], "outlier_beads": [0.01, 0.02]}, index=["A01", "P24"]
    )
    pairs = pd.DataFrame({"gap": [0.1, 2.0], "sd": [0.2, 0.05], "ambiguous": [0.9, 0.0]})
    figure = plate_ambiguity("P1", wells, pairs)
    assert b"how sure" in render(figure)
    (axis,) = [axis for axis in figure.axes if axis.get_ylabel().startswith("posterior sd")]
    FigureCanvasAgg(figure).draw()
    name = axis.yaxis.label.get_window_extent()
    assert all(name.x1 <= tick.get_window_extent().x0 for tick in axis.get_yticklabels() if tick.get_text())
    curve = np.exp(-((CURVE_AT - 8) ** 2))
    panel = BeadPanel("analyte 12", np.full(9, 8.0), {"A": 8.0, "B": 9.0}, (0.05, np.nan), (curve, curve), 1.25)
    empty = BeadPanel("analyte 13", np.array([]), {"A": 3.0, "B": 15.0})
    for panels in ([panel], [panel, empty], [panel] * 6):
        figure = bead_histograms("P1", "A01", panels, "chosen pairs")
        texts = [text.get_text() for axis in figure.axes for text in axis.texts]
        assert "9 beads, odds of this order 1.2 to 1" in texts
        legend = [text.get_text() for text in figure.legends[0].get_texts()]
        assert "on top: posterior of each value" in legend
        assert b"analyte 12" in render(figure)
    called = bead_histograms("P1", "A01", [empty])
    assert [text.get_text() for axis in called.axes for text in axis.texts] == ["0 beads", "A", "B"]
    assert len(called.legends[0].get_texts()) == 3


def test_names_of_genes_never_lie_on_each_other():
    """Labels of two values, wherever these lie, keep apart."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for first, second in ((8.0, 8.0), (8.0, 8.02), (8.02, 8.0), (3.0, 3.1), (14.9, 15.0), (3.0, 15.0), (8.0, 7.5)):
        panel = BeadPanel("x", np.array([first, second]), {"LONGNAME1": first, "LONGNAME2": second}, (0.1, 0.1))
        figure = bead_histograms("P1", "A01", [panel] * 3)
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts if "LONG" in text.get_text()]
        assert not boxes[0].overlaps(boxes[1])
        assert all(box.x0 > figure.bbox.x0 and box.x1 < figure.bbox.x1 for box in boxes)
