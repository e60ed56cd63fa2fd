"""Write the pictures of the page of `beadwork serve`, taken in Chromium over the library that ships and the demo study.

make demo && python docs/make_page_images.py
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
BEADWORK = Path(sys.executable).parent / "beadwork"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
DEMO = Path(__file__).parents[1] / "demo"
PORT = 8799
SITE = f"http://127.0.0.1:{PORT}"
MOST_BYTES = 150_000


def settle(page: Page) -> None:
    """Wait until nothing is on its way."""
    page.wait_for_load_state("networkidle")
    while page.locator(".waiting").count():
        page.wait_for_timeout(100)
    page.wait_for_timeout(300)


def picture(page: Page, name: str, height: int) -> None:
    """Keep the top of the page, in few colours."""
    settle(page)
    path = IMAGES / f"page_{name}.png"
    page.screenshot(
        path=path, clip={"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height}, full_page=True
    )
    with Image.open(path) as image:
        image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    assert size < MOST_BYTES, f"{path}: {size:,} bytes"
    print(f"{path}: {size:,} bytes")


def take(page: Page) -> None:
    """Ask a question, and look at the answer from all sides."""
    page.goto(SITE)
    page.get_by_role("button", name="cell cycle").click()
    page.get_by_label("Up genes").fill("PLK1 AURKA CCNB1 CDK1 TOP2A CCNA2 BIRC5 UBE2C CDC20 MYC NFKBIA HER2")
    page.wait_for_timeout(900)
    picture(page, "ask", 560)
    page.get_by_role("button", name="Find connections").click()
    page.wait_for_selector(".sure")
    answer = page.url
    picture(page, "answer", 1240)
    page.goto(f"{answer}/perts?f=n_cells>3&row=venlafaxine")
    picture(page, "perturbagens", 1180)
    page.goto(f"{answer}/heat?n=12&rows=-n_cells")
    picture(page, "heat", 720)
    page.goto(f"{answer}/scatter?x=ncs&y=tau&colour=cell_id")
    page.get_by_role("button", name="List what is in view").click()
    picture(page, "scatter", 1180)


def take_files(page: Page, folder: Path) -> None:
    """Drop a table of differential expression and a library of sets, made of signatures that ship."""
    table, sets = make_files(folder)
    page.goto(SITE)
    page.set_input_files("input[type=file]", table)
    page.locator(".preview button", has_text="Find connections").wait_for()
    settle(page)
    top = page.locator(".preview").bounding_box()
    picture(page, "file", int(top["y"] + top["height"] + 12))
    page.goto(f"{SITE}/library")
    page.set_input_files("input[type=file]", sets)
    page.get_by_role("button", name="Ask these").click()
    page.get_by_role("grid").wait_for()
    while page.locator("progress").count():
        page.wait_for_timeout(200)
    picture(page, "library", 1180)


def make_files(folder: Path) -> tuple[Path, Path]:
    """Write a table as DESeq2 writes it, and sets of fourteen signatures."""
    import numpy as np
    import pandas as pd

    from beadwork.api import ConnectivityIndex
    from beadwork.api.library.starter import starter_index

    index = ConnectivityIndex.open(starter_index())
    symbols, ids = index.genes["symbol"].to_numpy(), index.siginfo["sig_id"].tolist()
    z = index.signature(ids[100]).to_numpy(np.float64)
    p = np.exp(-2 * np.abs(z))
    table = pd.DataFrame({"symbol": symbols, "baseMean": 100 + np.arange(len(z)), "log2FoldChange": (z / 3).round(3),
                          "stat": z.round(3), "pvalue": p.round(6), "padj": np.minimum(1, 2 * p).round(6)})  # fmt: skip
    table.to_csv(folder / "deseq2_results.csv", index=False)
    lines = []
    for number in range(14):
        order = np.argsort(index.signature(ids[200 + 40 * number]).to_numpy())
        for side, places in (("up", order[::-1][:60]), ("dn", order[:60])):
            lines.append("\t".join([f"illness {number + 1}_{side}", "-", *symbols[places]]))
    (folder / "illnesses.gmt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "deseq2_results.csv", folder / "illnesses.gmt"


def take_demo(page: Page) -> None:
    """Ask the demo study with the planted genes of a mechanism, and go down to the beads of a well."""
    page.goto(SITE)
    page.set_input_files("input[type=file]", [DEMO / f"data/truth/mechanisms_{side}.gmt" for side in ("up", "dn")])
    page.get_by_role("button", name="Put HDAC inhibitor in the boxes").click()
    page.get_by_role("button", name="Find connections").click()
    page.wait_for_selector(".sure")
    picture(page, "demo", 1240)
    page.get_by_role("link", name="vorinostat").first.click()
    settle(page)
    page.get_by_role("grid", name="signatures").get_by_role("link", name="SIM001").first.click()
    settle(page)
    page.get_by_role("group", name="Wells").get_by_role("link").first.click()
    settle(page)
    page.goto(f"{page.url}?colour=count_mean")
    picture(page, "wells", 1400)


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[None]:
    """Serve an index while pictures are taken; nothing is kept."""
    server = subprocess.Popen([BEADWORK, "serve", *arguments, "--port", str(PORT), "--store", "none"])
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{SITE}/api/index").close()
                break
            except OSError:
                time.sleep(0.2)
        yield
    finally:
        server.terminate()
        server.wait(10)


def main() -> None:
    """Start the servers, take the pictures."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    results = DEMO / "results"
    if not (results / "index").is_dir():
        sys.exit(f"{results / 'index'}: not there; `make demo` makes it")
    with sync_playwright() as running:
        opened = running.chromium.launch(executable_path=browser, args=ARGUMENTS)
        with serving():
            take(opened.new_page(viewport={"width": 1280, "height": 900}))
            with tempfile.TemporaryDirectory() as folder:
                take_files(opened.new_page(viewport={"width": 1280, "height": 900}), Path(folder))
        plates = DEMO / "data" / "plates.tsv"
        with serving(str(results / "index"), "--results", str(results), "--plates", str(plates)):
            take_demo(opened.new_page(viewport={"width": 1280, "height": 900}))
        opened.close()


if __name__ == "__main__":
    main()
