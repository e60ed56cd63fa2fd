"""The main path of the page in Firefox, driven by WebDriver BiDi, which it speaks itself: no driver is needed.

Skipped where Firefox or the package websocket-client is not installed.
"""

import base64
import itertools
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from .conftest import WATCH

pytestmark = pytest.mark.slow


class Firefox:
    """A tab of Firefox; what its console says as an error stands in `wrong`."""

    def __init__(self, program, folder):
        websocket = pytest.importorskip("websocket", reason="websocket-client is not installed")
        (folder / "profile").mkdir()
        self.log = (folder / "firefox.log").open("w+")
        arguments = [
            program,
            "--headless",
            "--no-remote",
            "--profile",
            str(folder / "profile"),
            "--remote-debugging-port=0",
        ]
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=self.log,
                                        env={**os.environ, "HOME": str(folder)})  # fmt: skip
        address = self._address(folder / "firefox.log")
        self.numbers, self.wrong, self.timeout = itertools.count(1), [], 180
        self.socket = websocket.create_connection(f"{address}/session", timeout=self.timeout, suppress_origin=True)
        self.version = self.send("session.new", capabilities={})["capabilities"]["browserVersion"]
        self.send("session.subscribe", events=["log.entryAdded"])
        self.send("script.addPreloadScript", functionDeclaration=f"() => {{ {WATCH}; }}")
        self.context = self.send("browsingContext.getTree")["contexts"][0]["context"]
        self.send("browsingContext.setViewport", context=self.context, viewport={"width": 1280, "height": 900})

    def _address(self, log):
        end = time.monotonic() + 180
        while time.monotonic() < end:
            found = re.search(r"WebDriver BiDi listening on (ws://\S+)", log.read_text(errors="replace"))
            if found:
                return found[1]
            time.sleep(0.2)
        raise AssertionError(f"Firefox did not start: {log.read_text(errors='replace')[-2000:]}")

    def send(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] in ("error", "warn"):
                self.wrong.append(answer["params"]["text"])
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                return answer["result"]

    def open(self, address):
        self.send("browsingContext.navigate", context=self.context, url=address, wait="complete")
        self.settle()

    def value(self, expression):
        """What an expression gives in the page; it must be text, a number or a truth."""
        found = self.send("script.evaluate", expression=expression, target={"context": self.context}, awaitPromise=True)
        assert found["type"] == "success", found
        return found["result"].get("value")

    def until(self, expression, seconds=60):
        """Wait until something holds, and nothing is on its way any more."""
        end = time.monotonic() + seconds
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < end, f"not within {seconds} s: {expression}"
            time.sleep(0.05)
        while not self.value("stands()"):
            assert time.monotonic() < end, f"does not stand still within {seconds} s after: {expression}"

    def settle(self):
        self.until("document.querySelector('#main')")

    def keys(self, *names):
        """Press keys, text as its letters."""
        actions = [{"type": kind, "value": key} for key in names for kind in ("keyDown", "keyUp")]
        self.send(
            "input.performActions", context=self.context, actions=[{"type": "key", "id": "keys", "actions": actions}]
        )

    def pointer(self, *steps):
        """Move to (x, y), or press ("down") and release ("up")."""
        actions = []
        for step in steps:
            if isinstance(step, str):
                actions.append({"type": f"pointer{step.capitalize()}", "button": 0})
            else:
                actions.append({"type": "pointerMove", "x": int(step[0]), "y": int(step[1]), "duration": 20})
        self.send("input.performActions", context=self.context,
                  actions=[{"type": "pointer", "id": "mouse", "actions": actions}])  # fmt: skip

    def box(self, selector):
        """Place of an element after it was scrolled into view: x, y, width, height."""
        place = (
            f"const node = document.querySelector({json.dumps(selector)}); node.scrollIntoView({{block: 'center'}});"
        )
        found = (
            "const box = node.getBoundingClientRect(); return JSON.stringify([box.x, box.y, box.width, box.height]);"
        )
        return json.loads(self.value(f"(() => {{ {place} {found} }})()"))

    def click(self, selector):
        self.settle()  # what comes late moves what stands below it
        x, y, wide, tall = self.box(selector)
        self.pointer((x + wide / 2, y + tall / 2), "down", "up")

    def text(self, selector="#main"):
        return self.value(f"document.querySelector({json.dumps(selector)}).innerText")

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.send("browsingContext.captureScreenshot", context=self.context)["data"]))

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("Firefox is not installed")
    opened = Firefox(program, tmp_path_factory.mktemp("firefox"))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def nothing_goes_wrong(firefox):
    firefox.wrong.clear()
    yield
    assert not firefox.wrong, firefox.wrong


def test_ask_and_read_the_answer(firefox, site, genes):
    firefox.open(f"{site}/")
    firefox.value("document.getElementById('up').focus()")
    firefox.keys(*" ".join(genes[0][:12]))
    firefox.until("document.querySelector('#up-verdict').innerText.includes('12 genes used')")
    firefox.keys("\ue004")
    firefox.value("document.querySelectorAll('textarea')[1].focus()")
    firefox.keys(*" ".join(genes[1][:12]))
    firefox.click("button.main")
    firefox.until("location.pathname.startsWith('/q/') && document.querySelector('.sure')")
    text = firefox.text()
    assert "How sure" in text and "12 genes up, 12 genes down" in text and "null signatures" in text
    assert firefox.value("document.querySelectorAll('.stripplot').length") > 5


@pytest.mark.parametrize("view", ["", "/perts?row=drug-1", "/classes?row=planted+inhibitor", "/genes?row=CDK1", "/heat",
                                  "/scatter", "/sigs?sort=-tas&row=TOY001_A375_24H:BRD-K000:0"])  # fmt: skip
def test_views_of_an_answer(firefox, site, answer, view):
    firefox.open(f"{site}/q/{answer}{view}")
    text = firefox.text()
    assert "How sure" in text and "undefined" not in text and "NaN" not in text
    assert firefox.value("document.querySelectorAll('[role=alert]').length") == 0


@pytest.mark.parametrize(
    "path", ["/map", "/lookup?list=perts", "/pert/drug-0", "/gene/CDK1", "/sig/TOY001_A375_24H:BRD-K000:0", "/history",
             "/repurposing", "/library", "/about"])  # fmt: skip
def test_other_views(firefox, site, answer, path):
    firefox.open(site + path)
    text = firefox.text()
    assert len(text) > 60 and "undefined" not in text and "NaN" not in text
    assert firefox.value("document.querySelectorAll('[role=alert]').length") == 0


def test_a_table_by_keys_and_by_mouse(firefox, site, answer):
    firefox.open(f"{site}/q/{answer}/sigs")
    firefox.click("[role=columnheader]:nth-child(7) button")
    firefox.until("/sort=-ncs/.test(location.search)")
    firefox.value("document.querySelector('[role=grid]').focus()")
    firefox.keys("\ue015", "\ue015", "\ue007")
    firefox.until("/row=/.test(location.search) && document.querySelector('.detail svg')")
    assert firefox.value("document.querySelectorAll('.item.open').length") == 1
    firefox.value("document.querySelector('.gridbox').scrollTop = 1e6")
    firefox.until("document.querySelector('[aria-rowindex=\"241\"]')")


def test_a_heat_map_by_keys(firefox, site, answer):
    firefox.open(f"{site}/q/{answer}/heat")
    painted = (
        "(() => { const node = document.querySelector('.heatbox canvas'); const data = node.getContext('2d')"
        ".getImageData(0, 0, node.width, node.height).data; return new Set(new Uint32Array(data.buffer)).size; })()"
    )
    assert firefox.value(painted) > 20
    firefox.value("document.querySelector('.heatbox').focus()")
    firefox.keys("\ue015", "\ue014")
    firefox.settle()
    assert re.search(r": (not measured|[+−][\d.]+)", firefox.text(".heatbox [role=gridcell]"))
    firefox.keys("\ue007")
    firefox.until("/sigs/.test(location.pathname)")


def test_a_scatter_is_moved_and_a_lasso_fills_the_table(firefox, site, answer):
    firefox.open(f"{site}/q/{answer}/scatter?x=ncs&y=tas")
    firefox.until("document.querySelector('.plane canvas').dataset.drawn")
    firefox.value(
        "[...document.querySelectorAll('.scatter button')].find((item) => item.innerText === 'Lasso').click()"
    )
    x, y, wide, tall = firefox.box(".plane canvas")
    corners = [(0.55, 0.02), (0.99, 0.02), (0.99, 0.98), (0.55, 0.98)]
    places = [(x + a * wide, y + b * tall) for a, b in corners]
    firefox.pointer(places[0], "down", *places[1:], "up")
    firefox.until("/Chosen points/.test(document.querySelector('#main').innerText)")
    assert firefox.value("document.querySelectorAll('[role=grid] .item').length") > 5
    firefox.value(
        "[...document.querySelectorAll('.scatter button')].find((item) => item.innerText === 'Lasso').click()"
    )
    firefox.value("document.querySelector('.plane canvas').focus()")
    firefox.keys("+", "+", "\ue014", "0")
    firefox.until("document.querySelector('.plane canvas').dataset.drawn")
