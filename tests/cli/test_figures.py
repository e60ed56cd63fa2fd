"""``beadwork figures plate`` and ``beadwork figures beads`` on a simulated plate."""

import subprocess
import sys

import numpy as np
import pytest

from beadwork.api.figures.panels import called_plate, graded_analytes, pair_table, worst_analytes
from beadwork.cli import main
from beadwork.io.beads.lxb import read_plate
from beadwork.io.matrix.formats import read_matrix, write_matrix

PLATE = "SIM001_A375_24H_X1_B20"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A plate of twelve wells, deconvolved and normalised."""
    folder = tmp_path_factory.mktemp("figures")

    def run(*words):
        main([str(word) for word in words])

    run("simulate", "-o", folder, "--wells", 12, "--beads-mean", 30, "--seed", 4)
    run("deconvolve", folder / "lxb" / PLATE, "--map", folder / "maps" / f"{PLATE}.map", "-o", folder / "GEX.gctx",
        "--calibrators", folder / "CAL.gctx", "--sd", folder / "SD.gctx", "--odds", folder / "ODDS.gctx",
        "--qc", folder / "d.tsv")  # fmt: skip
    run("normalize", folder / "GEX.gctx", "--calibrators", folder / "CAL.gctx", "-o", folder / "Q.gctx",
        "--curves", folder / "c.tsv", "--qc", folder / "n.tsv")  # fmt: skip
    return folder


def beads(made, *words):
    main(["figures", "beads", str(made / "GEX.gctx"), "--lxb", str(made / "lxb" / PLATE), *map(str, words)])


def uncertainty(made):
    return "--sd", made / "SD.gctx", "--odds", made / "ODDS.gctx"


def fails(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        beads(*words)
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.mark.slow
def test_a_plate_with_uncertainties_has_two_pages_more(made, tmp_path):
    common = ["--lxb", made / "lxb" / PLATE, "--curves", made / "c.tsv", "--rows", made / "d.tsv", "--rows",
              made / "n.tsv"]  # fmt: skip
    plain = {"wells", "calibration", "beads"}
    for name, more, expected in (
        ("plain", [], plain),
        ("uncertainty", uncertainty(made), plain | {"ambiguity", "worst_beads"}),
    ):
        main([str(word) for word in ("figures", "plate", made / "GEX.gctx", *common, *more, "-o", tmp_path / name)])
        assert {path.name for path in (tmp_path / name).iterdir()} == {f"{figure}.svg" for figure in expected}
    assert b"each pair" in (tmp_path / "uncertainty" / "ambiguity.svg").read_bytes()
    assert (tmp_path / "uncertainty" / "beads.svg").read_bytes() != (tmp_path / "plain" / "beads.svg").read_bytes()


def test_beads_of_chosen_analytes(made, tmp_path):
    symbol = read_matrix(made / "GEX.gctx").rows["pr_gene_symbol"].iloc[100]
    beads(made, *uncertainty(made), "--analyte", symbol.lower(), "--analyte", 42, "--well", "A05", "-o", tmp_path / "x")
    drawn = (tmp_path / "x" / "beads.svg").read_bytes()
    for words in (b"well A05", symbol.encode(), b"analyte 42", b"posterior of each value"):
        assert words in drawn
    beads(made, "--format", "png", "-o", tmp_path / "y")
    assert (tmp_path / "y" / "beads.png").read_bytes().startswith(b"\x89PNG")


def test_the_worst_pairs_are_those_whose_genes_cannot_be_distinguished(made):
    gex, sd, odds = (read_matrix(made / f"{name}.gctx") for name in ("GEX", "SD", "ODDS"))
    plate = called_plate(gex, sd, odds)
    table = pair_table(plate)
    assert len(table) == 488
    assert table["ambiguous"].between(0, 1).all() and (table["sd"] > 0).all()
    worst = table.loc[list(worst_analytes(plate))]
    assert len(worst) == 6
    assert worst["sd"].min() >= table["sd"].nlargest(6).min()
    graded = list(graded_analytes(plate, read_plate(made / "lxb" / PLATE), plate.wells[0]))
    gaps = [abs(np.diff(plate.log2[plate.pairs.loc[analyte].to_numpy(int), 0])[0]) for analyte in graded[:5]]
    assert gaps == sorted(gaps, reverse=True)


def test_mistakes(made, tmp_path, capsys):
    out = ("-o", tmp_path / "x")
    message = fails(capsys, made, "--analyte", "NOGENE", *out)
    assert "--analyte NOGENE: no analyte with two genes has this number, gene symbol or id" in message
    assert "--analyte 11: no analyte with two genes" in fails(capsys, made, "--analyte", 11, *out)
    assert "--well P24: GEX has no such well; it has A03, A05" in fails(capsys, made, "--well", "P24", *out)
    sd = read_matrix(made / "SD.gctx")
    write_matrix(sd.take_cols(sd.cids[1:]), tmp_path / "SD.gctx")
    message = fails(capsys, made, "--sd", tmp_path / "SD.gctx", *out)
    assert f"--sd: lacks {sd.cids[0]} of GEX; give what was written with it" in message
    assert not (tmp_path / "x").exists()


def test_matplotlib_is_whole_after_it_was_loaded_for_figures():
    """What is left out while it loads is put back: help on properties, and axes of three dimensions for others."""
    code = (
        "import sys; from beadwork.cli.figures import load_matplotlib; load_matplotlib(); load_matplotlib(); "
        "from matplotlib.artist import ArtistInspector, kwdoc; from matplotlib.lines import Line2D; "
        "assert 'linewidth' in kwdoc(Line2D) and 'linewidth' in ArtistInspector(Line2D).get_setters(); "
        "assert 'mpl_toolkits.mplot3d' not in sys.modules; import mpl_toolkits.mplot3d"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize(
    "style", ["color='grey', lw=0.5", "linestyle=':', alpha=0.5", "c='red', linewidth=2, zorder=0"]
)
def test_grids_take_the_properties_of_lines_where_matplotlib_was_loaded_without_help(style):
    """In a process of its own, as a command: here Matplotlib is loaded already."""
    code = "from beadwork.cli.figures import load_matplotlib; load_matplotlib(); from matplotlib.figure import Figure; "
    code += f"axes = Figure().subplots(); axes.grid(axis='x', {style}); axes.set(xlabel='x'); print('drawn')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "drawn\n", done.stderr
