"""The page in a real browser: an index with everything in it, a server, a browser that reports what goes wrong."""

import contextlib
import time
from pathlib import Path

import pytest

from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import write_matrix
from toys import make_signatures

from ..test_app import serving

COLOURS = ("color-contrast", "link-in-text-block")
"""Rules of axe that look at colours."""
AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
WATCH = """(() => {
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(
  `${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));

// what the page still waits for: answers of the server and their bodies, files, and timers that end soon
const waits = new Set(), SOON = 1000;
const until = (work) => { const mark = {}; waits.add(mark); return work.finally(() => waits.delete(mark)); };
const { fetch, setTimeout, clearTimeout } = window;
window.fetch = (...asked) => until(fetch(...asked));
for (const kind of [Response, Blob]) for (const name of ["arrayBuffer", "blob", "json", "text"]) {
  const read = kind.prototype[name];
  if (read) kind.prototype[name] = function () { return until(read.call(this)); };
}
window.setTimeout = (work, delay = 0, ...given) => {
  if (delay > SOON) return setTimeout(work, delay, ...given);
  const timer = setTimeout(() => { waits.delete(timer); work(...given); }, delay);
  waits.add(timer);
  return timer;
};
window.clearTimeout = (timer) => { waits.delete(timer); clearTimeout(timer); };

// effects and canvases follow a frame later, and what they ask for is waited for too
const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
window.stands = async () => {
  await frame();
  await frame();
  return !waits.size && !document.querySelector(".waiting") && [...document.images].every((image) => image.complete)
    && document.getAnimations().every((one) => one.playState === "finished") && location.href;
};
})()"""

SPILLS = (Path(__file__).parent / "spills.js").read_text(encoding="utf-8").split("\n", 1)[1]


def rich_signatures(count=240):
    """Signatures with mechanisms, targets, phases, several types, cells, doses and times."""
    matrix, info = make_signatures(count)
    number = info.index.to_numpy()
    compound = number % 12
    types = ["trt_cp"] * 9 + ["trt_sh", "trt_oe", "trt_lig"]
    info["pert_type"] = [
        kind if kind == "ctl_vehicle" else types[code]
        for kind, code in zip(info["pert_type"], compound, strict=True)
    ]  # fmt: skip
    names = [f"drug-{code}" for code in range(9)] + ["CDK1", "TP53", "IFNG"]
    vehicle = info["pert_type"] == "ctl_vehicle"
    info["pert_iname"] = ["DMSO" if off else names[code] for off, code in zip(vehicle, compound, strict=True)]
    cells = ["A375", "MCF7", "PC3", "HT29"]
    info["cell_id"] = [cells[one % 4] for one in number]
    info["pert_idose"] = [f"{dose:g} uM" for dose in info["pert_dose"]]
    info["pert_itime"] = [["6 h", "24 h"][one // 12 % 2] for one in number]
    drug = (compound < 9) & ~vehicle
    for name, of in (
        ("moa", lambda code: "planted inhibitor" if code < 5 else "other agonist"),
        ("target", lambda code: "CDK1" if code < 5 else "EGFR"),
        ("clinical_phase", lambda code: ["Launched", "Phase 2", "Preclinical"][code % 3]),
        ("indication", lambda code: f"illness {code}"),
    ):
        info[name] = [of(code) if here else None for code, here in zip(compound, drug, strict=True)]
    return matrix, info


@pytest.fixture(scope="session")
def rich_index(tmp_path_factory):
    """Index of these signatures; read only."""
    from beadwork.api import ConnectivityIndex
    from beadwork.api.index.map_positions import map_signatures
    from beadwork.model.errors import ParameterError
    from beadwork.model.params import MapParams

    folder = tmp_path_factory.mktemp("rich")
    matrix, info = rich_signatures()
    write_matrix(matrix, folder / "rich_MODZ.gctx")
    write_table(info, folder / "siginfo.tsv")
    ConnectivityIndex.build(folder / "index", folder / "rich_MODZ.gctx", folder / "siginfo.tsv")
    opened = ConnectivityIndex.open(folder / "index")
    with contextlib.suppress(ParameterError):  # without the extra layout there is no map
        map_signatures(opened, MapParams())
    return ConnectivityIndex.open(folder / "index")


@pytest.fixture(scope="session")
def genes(rich_index):
    """Up and down genes of the planted mechanism, as symbols."""
    symbols = rich_index.genes["symbol"].tolist()
    return symbols[:30], symbols[30:60]


@pytest.fixture(scope="module")
def site(rich_index):
    with serving(rich_index) as address:
        yield address


class Tab:
    """A tab, and what went wrong in it: messages of the console, faults, violations of the policy, other hosts."""

    def __init__(self, browser, site, **options):
        self.site = site
        self.size = options.pop("size", {"width": 1280, "height": 900})
        self.context = browser.new_context(viewport=self.size, accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.add_init_script(WATCH)
        self.wrong = []
        self.expected = ()
        self.page.on("console", lambda message: message.type in ("error", "warning") and self._note(message.text))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def _note(self, text):
        if not any(part in text for part in self.expected):
            self.wrong.append(text)

    def _asked(self, url):
        if not url.startswith((self.site, "data:", "blob:")):
            self.wrong.append(f"asked another host: {url}")

    def open(self, path):
        """Go to a view and wait until it stands still."""
        self.page.goto(self.site + path)
        self.settle()
        return self.page

    def until(self, expression, argument=None, seconds=60):
        """Wait until something holds; the policy forbids Playwright's own way, which evaluates text in the page."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(expression, argument):
            assert time.monotonic() < end, f"not within {seconds} s: {expression} {argument or ''}"
            self.page.wait_for_timeout(40)

    def settle(self, seconds=60):
        """Wait until nothing is on its way any more, and Playwright knows the address that the page has."""
        end = time.monotonic() + seconds
        while not (stands := self.page.evaluate("stands()")) or stands != self.page.url:
            assert time.monotonic() < end, f"does not stand still within {seconds} s: {self.page.url}"

    def press(self, *keys):
        """Press keys, and wait until what they do is done."""
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def begin(self):
        """Be as new for the next test."""
        self.page.goto("about:blank")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(self.size)
        self.wrong.clear()
        self.expected = ()

    def close(self):
        self.context.close()

    def spills(self, seconds=10):
        """What is cut off or sticks out at this width, in words, once the page stands still; boxes may scroll."""
        end = time.monotonic() + seconds
        while (found := self.page.evaluate(SPILLS)) and time.monotonic() < end:
            self.page.wait_for_timeout(50)
        return found

    def check(self):
        """Nothing went wrong."""
        violations = self.page.evaluate("window.violations")
        assert not violations, violations
        assert not self.wrong, self.wrong

    def axe(self, only=()):
        """Faults of accessibility in words, but for minor ones: order of headings, size of targets, contrast, names.

        `only` names rules, such as those of COLOURS where nothing but the theme is another.
        """
        if not AXE.is_file():
            pytest.skip("axe-core is not installed (npm ci --prefix web)")
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        rules = {"runOnly": {"type": "rule", "values": list(only)}} if only else {}
        rules["rules"] = {} if only else {"target-size": {"enabled": True}}
        found = self.page.evaluate("rules => axe.run(document, {resultTypes: ['violations'], ...rules})", rules)[
            "violations"
        ]
        return [
            f"{item['id']}: {node['target']} {node['failureSummary'][:300]}"
            for item in found
            if item["impact"] != "minor"
            for node in item["nodes"][:3]
        ]


@pytest.fixture
def tab(browser, site):
    """A tab in which nothing may go wrong."""
    with contextlib.closing(Tab(browser, site)) as found:
        yield found
        found.check()


@pytest.fixture(scope="module")
def kept_tab(browser, site):
    with contextlib.closing(Tab(browser, site)) as found:
        yield found


@pytest.fixture
def look(kept_tab):
    """A tab for tests that open a view and look at it: a further document in it takes a third of a new tab."""
    kept_tab.begin()
    yield kept_tab
    kept_tab.check()


@pytest.fixture
def make_tab(browser, site):
    """Tabs of another theme or size."""
    with contextlib.ExitStack() as opened:
        made = []

        def make(**options):
            made.append(opened.enter_context(contextlib.closing(Tab(browser, site, **options))))
            return made[-1]

        yield make
        for one in made:
            one.check()


@pytest.fixture(scope="module")
def ask(site):
    """Ask over the API, and wait for the answer; its id."""
    from ..test_app import ask as asked

    return lambda **question: asked(site, question)["id"]


@pytest.fixture(scope="module")
def answer(ask, genes):
    return ask(name="planted", up=genes[0], down=genes[1])
