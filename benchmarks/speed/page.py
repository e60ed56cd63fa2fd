"""How fast the page of `beadwork serve` draws: its size, its first paint, a million signatures.

    python benchmarks/speed/page.py [--signatures 1000000] [--no-record]

The browser's part alone: the real files of the page, served beside answers that are made up here (scores, rows, fields
of so many signatures), so that no index is needed.  Times are Chromium's own clock; memory is that of the script.
"""

import argparse
import base64
import gzip
import shutil
import socket
import statistics
import sys
import threading
import time
from pathlib import Path

import numpy as np
from fastapi import FastAPI, Query, Response
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.record import Aim, write_record

from beadwork.serve.app import HEADERS, POLICY
from beadwork.serve.guard import AddHeaders
from beadwork.serve.page import ASSETS, add_page
from beadwork.serve.server import make_server

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
RUNS = 5
WATCH = """
window.marks = {};
const look = () => {
  const canvas = document.querySelector(".plane canvas");
  if (canvas?.dataset.drawn && !window.marks.drawn) window.marks.drawn = performance.now();
  if (document.querySelector("[role=grid] .item .cell a") && !window.marks.rows) window.marks.rows = performance.now();
  requestAnimationFrame(look);
};
look();
"""
COLUMNS = ["rank", "sig_id", "pert_iname", "pert_type", "cell_id", "ncs", "tau", "tas"]


def made_up(count: int) -> FastAPI:
    """Make an application that answers as the server does, of signatures that are drawn."""
    rng = np.random.default_rng(1)
    side = rng.choice([-1, 1], count)
    scores = {
        "ncs": (side * rng.gamma(9, 0.1, count)).astype("<f4"),
        "es_up": (side * rng.beta(4, 6, count)).astype("<f4"),
        "es_down": (-side * rng.beta(4, 6, count)).astype("<f4"),
        "tas": rng.beta(2, 5, count).astype("<f4"),
    }
    tones = base64.b64encode(rng.integers(0, 10, count).astype(np.uint8).tobytes()).decode()
    places = np.clip(rng.normal(32_768, 9_000, (2, count)), 0, 65_535).astype("<u2")
    app = FastAPI(openapi_url=None)
    app.add_middleware(AddHeaders, headers=HEADERS, defaults={"Content-Security-Policy": POLICY})
    counts = {"n_up_found": 150, "n_down_found": 150, "n_signatures": count, "n_perturbagens": 30_000, "n_classes": 0}

    @app.get("/api/index")
    def index() -> dict:
        return {"path": "made up", "signatures": count, "perturbagens": 30_000, "cells": 80, "cell_ids": ["A375"],
                "pert_types": ["trt_cp"], "pert_type_names": {}, "state": "x", "parts": {"map": True}}  # fmt: skip

    @app.get("/api/about")
    def about() -> dict:
        return {"version": "", "licence": "", "kept_in": "memory"}

    @app.get("/api/map/positions")
    def positions() -> Response:
        return Response(places.tobytes(), media_type="application/octet-stream")

    @app.get("/api/history")
    def history() -> dict:
        return {"total": 0, "rows": [], "next": None, "state": "x", "kept_in": "memory"}

    @app.get("/api/queries/{key}")
    def state(key: str) -> dict:
        return {"id": key, "name": "made up", "phase": "done", "status": "done", "done": 1, "of": 1, "elapsed": 1,
                "how_sure": [{"verdict": "usable", "words": "made up"}], "counts": counts, "notes": [], "missing": [],
                "question": {}, "state": "x", "older": False}  # fmt: skip

    @app.get("/api/queries/{key}/scores")
    def columns(key: str, fields: str) -> Response:
        raw = b"".join(scores[name].tobytes() for name in fields.split(","))
        return Response(raw, media_type="application/octet-stream")

    @app.get("/api/map/field/{name}")
    def field(name: str) -> dict:
        if name == "tas":
            return {"kind": "number", "values": base64.b64encode(scores["tas"].tobytes()).decode()}
        legend = [{"name": f"value {at}", "n": count // 10, "other": at == 9} for at in range(10)]
        return {"kind": "category", "values": tones, "legend": legend}

    @app.get("/api/queries/{key}/sigs")
    def rows(key: str, offset: int = 0, limit: int = Query(50, le=500)) -> dict:
        found = [[at + 1, f"SIG{at:07d}", f"drug-{at % 30_000}", "trt_cp", "A375", 1.0, 90.0, 0.3]
                 for at in range(offset, min(count, offset + limit))]  # fmt: skip
        return {"total": count, "offset": offset, "columns": COLUMNS, "rows": found, "next": None, "state": "x"}

    add_page(app)
    return app


def first_paint(browser, site: str) -> float:
    """Milliseconds from the navigation to the first contentful paint of the form."""
    page = browser.new_page()
    page.goto(site)
    page.wait_for_selector("#up")
    page.wait_for_timeout(300)
    found = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.close()
    return float(found)


def plot(browser, address: str) -> dict[str, float]:
    """Milliseconds from the last byte of the scores to the drawn plot, and of one draw; draws a second while moved."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(WATCH)
    page.goto(address)
    page.wait_for_selector(".plane canvas")
    while not page.evaluate("window.marks.drawn"):
        page.wait_for_timeout(50)
    page.wait_for_timeout(500)
    came = page.evaluate(
        "Math.max(...performance.getEntriesByType('resource')"
        ".filter((item) => /scores|field|positions/.test(item.name)).map((item) => item.responseEnd))"
    )
    found = {"after scores": page.evaluate("window.marks.drawn") - came}
    found["one draw"] = float(page.evaluate("document.querySelector('.plane canvas').dataset.drawn"))
    box = page.locator(".plane canvas").bounding_box()
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(300)
    page.mouse.move(box["x"] + 300, box["y"] + 250)
    page.mouse.down()
    page.evaluate("""window.seen = 0; new MutationObserver(() => { window.seen += 1; }).observe(
        document.querySelector('.plane canvas'), {attributes: true, attributeFilter: ['data-drawn']})""")
    begun = time.perf_counter()
    for step in range(60):
        page.mouse.move(box["x"] + 300 + 2 * step, box["y"] + 250 + step)
    spent = time.perf_counter() - begun
    found["draws a second while moved"] = page.evaluate("window.seen") / spent
    page.mouse.up()
    found["memory of the script, MB"] = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    page.close()
    return found


def table(browser, site: str) -> dict[str, float]:
    """Milliseconds to the first rows of a table of all signatures, and to its last rows after a jump."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(WATCH)
    page.goto(f"{site}/q/x/sigs")
    page.wait_for_selector("[role=grid] .item .cell a")
    found = {"first rows": page.evaluate("window.marks.rows")}
    page.get_by_role("grid").focus()
    begun = time.perf_counter()
    page.keyboard.press("Control+End")
    while not page.locator(".item .cell", has_text="999,999").count() and time.perf_counter() - begun < 10:
        page.wait_for_timeout(5)
    found["jump to the end"] = 1000 * (time.perf_counter() - begun)
    found["rows in the document"] = page.locator("[role=grid] [role=row]").count()
    page.close()
    return found


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signatures", type=int, default=1_000_000)
    parser.add_argument("--no-record", action="store_true", help="print only")
    given = parser.parse_args()
    size = sum(len(gzip.compress((ASSETS / name).read_bytes(), 9)) for name in ("app.js", "style.css", "index.html"))
    listener = socket.create_server(("127.0.0.1", 0))
    server = make_server(made_up(given.signatures))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
    site = f"http://127.0.0.1:{listener.getsockname()[1]}"
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        paint = statistics.median(first_paint(browser, site) for _ in range(RUNS))
        plots = [plot(browser, f"{site}/q/x/scatter?x=es_up&y=es_down&colour=moa") for _ in range(3)]
        tones = [plot(browser, f"{site}/q/x/scatter?x=ncs&y=tas&colour=ncs") for _ in range(3)]
        maps = [plot(browser, f"{site}/map?colour=moa") for _ in range(3)]
        tables = [table(browser, site) for _ in range(3)]
        browser.close()
    server.should_exit = True
    figures = {name: statistics.median(one[name] for one in plots) for name in plots[0]}
    figures["coloured by a number, after scores"] = statistics.median(one["after scores"] for one in tones)
    for name in ("after scores", "one draw", "draws a second while moved"):
        figures[f"map, {name.replace('scores', 'positions')}"] = statistics.median(one[name] for one in maps)
    figures |= {f"table, {name}": statistics.median(one[name] for one in tables) for name in tables[0]}
    figures = {name: round(value, 1) for name, value in figures.items()}
    aims = [
        Aim("page, kB after gzip", 200, round(size / 1000, 1)),
        Aim("first paint, s", 0.3, round(paint / 1000, 3)),
        Aim("1,000,000 signatures drawn after the scores, s", 2, round(figures["after scores"] / 1000, 2)),
    ]
    for aim in aims:
        print(f"{aim.what}: {aim.measured} (aim {aim.aim})")
    for name, value in figures.items():
        print(f"{name}: {value}")
    if not given.no_record:
        print(write_record("speed-page", "python benchmarks/speed/page.py", aims, figures))


if __name__ == "__main__":
    main()
