"""Write the images of the README from what `make demo` left: figures of the study, and its pages as pictures.

python docs/make_images.py [DEMO]

Pages are drawn by Chromium, if it is found; it is started apart from the user's profile and without network services.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.image
from matplotlib.figure import Figure
from PIL import Image

BEADWORK = Path(sys.executable).parent / "beadwork"
IMAGES = Path(__file__).parent / "images"
PLATE, BREW = "SIM001_A375_24H_X1_B20", "SIM001_A375_24H"
PAGES = {
    # image: (page below the demo's results, its height in pixels)
    "report.png": ("report/index.html", 900),
    "query.png": ("queries/mechanisms/HDAC_inhibitor/index.html", 900),
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars")  # fmt: skip
MOST_BYTES = 300_000


def draw_figures(demo: Path) -> None:
    """Tile four figures of the study."""
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
        figure.savefig(IMAGES / "demo.png", dpi=90, metadata={"Software": "beadwork"})


def draw_page(browser: str, page: Path, target: Path, height: int) -> None:
    """Draw the top of a page."""
    with tempfile.TemporaryDirectory() as profile:
        words = [browser, *QUIET, f"--user-data-dir={profile}", f"--window-size=1280,{height}",
                 f"--screenshot={target.resolve()}", page.resolve().as_uri()]  # fmt: skip
        subprocess.run(words, check=True, capture_output=True)


def make_small(path: Path) -> None:
    """Reduce an image to 128 colours, which its figures and letters do not need more of."""
    Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES, f"{path}: {path.stat().st_size:,} bytes"


def main() -> None:
    """Write all images."""
    demo = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    IMAGES.mkdir(exist_ok=True)
    draw_figures(demo)
    make_small(IMAGES / "demo.png")
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"pages were not drawn: none of {', '.join(BROWSERS)} is there")
    for name, (page, height) in PAGES.items():
        draw_page(browser, demo / "results" / page, IMAGES / name, height)
        make_small(IMAGES / name)
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
