"""The page in a real browser: an index with everything in it, a server, a browser that reports what goes wrong."""

import contextlib
import time
from pathlib import Path

import pytest

from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import write_matrix
from toys import make_signatures

from ..test_app import serving

AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(
  `${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""

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
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
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

    def until(self, expression, argument=None, seconds=15):
        """Wait until something holds; the policy forbids Playwright's own way, which evaluates text in the page."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(expression, argument):
            assert time.monotonic() < end, f"not within {seconds} s: {expression} {argument or ''}"
            self.page.wait_for_timeout(40)

    def settle(self):
        self.page.wait_for_load_state("networkidle")
        self.until("!document.querySelector('.waiting')")
        self.page.wait_for_timeout(60)

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

    def axe(self):
        """Faults of accessibility in words, but for minor ones: order of headings, size of targets, contrast, names."""
        if not AXE.is_file():
            pytest.skip("axe-core is not installed (npm ci --prefix web)")
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(
            "axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
        )["violations"]
        return [
            f"{item['id']}: {node['target']} {node['failureSummary'][:300]}"
            for item in found
            if item["impact"] != "minor"
            for node in item["nodes"][:3]
        ]


@pytest.fixture
def tab(browser, site):
    """A tab in which nothing may go wrong."""
    found = Tab(browser, site)
    yield found
    found.check()
    found.context.close()


@pytest.fixture
def make_tab(browser, site):
    """Tabs of another theme or size."""
    made = []

    def make(**options):
        made.append(Tab(browser, site, **options))
        return made[-1]

    yield make
    for one in made:
        one.check()
        one.context.close()


@pytest.fixture(scope="module")
def ask(site):
    """Ask over the API, and wait for the answer; its id."""
    from ..test_app import ask as asked

    return lambda **question: asked(site, question)["id"]


@pytest.fixture(scope="module")
def answer(ask, genes):
    return ask(name="planted", up=genes[0], down=genes[1])
