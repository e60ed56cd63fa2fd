"""Write docs/images/demo.png, four figures of the demo study, from what `make demo` left.

python docs/demo_image.py [DEMO]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.image
from matplotlib.figure import Figure

BEADWORK = Path(sys.executable).parent / "beadwork"
TARGET = Path(__file__).parent / "images" / "demo.png"
PLATE, BREW = "SIM001_A375_24H_X1_B20", "SIM001_A375_24H"


def main() -> None:
    """Draw the figures as PNG and tile them."""
    demo = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    results, data = demo / "results", demo / "data"
    plate = results / PLATE
    with tempfile.TemporaryDirectory() as folder:
        for words in (
            ["plate", plate / f"{PLATE}_GEX.gctx", "--lxb", data / "lxb" / PLATE, "--curves",
             plate / f"{PLATE}_CURVES.tsv", "--rows", plate / "qc/deconvolve.tsv",
             "--rows", plate / "qc/normalize.tsv"],
            ["brew", *sorted(results.glob(f"{BREW}_*/*_ZSPC.gctx"))],
            ["study", "--rows", results / "qc.tsv", "--siginfo", results / "siginfo.tsv"],
        ):  # fmt: skip
            subprocess.run([BEADWORK, "figures", *words, "-o", folder, "--format", "png"], check=True)
        figure = Figure(figsize=(14, 8.4), layout="constrained")
        names = ("beads", "calibration", "tas", "replicates")
        for axis, name in zip(figure.subplots(2, 2).ravel(), names, strict=True):
            axis.imshow(matplotlib.image.imread(Path(folder) / f"{name}.png"))
            axis.set_axis_off()
        TARGET.parent.mkdir(exist_ok=True)
        figure.savefig(TARGET, dpi=90, metadata={"Software": "beadwork"})


if __name__ == "__main__":
    main()
