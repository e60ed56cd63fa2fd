"""An index that knows little of its signatures: every view says what is missing, and nothing breaks."""

import contextlib

import pytest

from beadwork.io.files.tables import write_table

from ..test_app import ask, serving
from .conftest import Tab

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bare_site(toy_files, tmp_path_factory):
    """Signatures with an id, a name and a cell, and no null signatures."""
    import pandas as pd

    from beadwork.api import ConnectivityIndex

    folder = tmp_path_factory.mktemp("bare")
    info = pd.read_csv(toy_files[1], sep="\t")
    info = info[["sig_id", "pert_id", "pert_iname", "cell_id"]].assign(pert_type="trt_cp")
    write_table(info, folder / "siginfo.tsv")
    ConnectivityIndex.build(folder / "index", toy_files[0], folder / "siginfo.tsv")
    with serving(ConnectivityIndex.open(folder / "index")) as site:
        yield site


VIEWS = {
    "/": "Ask",
    "/q/{id}": "This index knows no mechanisms",
    "/q/{id}/perts?row=drug-1": "Cell by cell",
    "/q/{id}/classes": "index annotate",
    "/q/{id}/genes": "No gene can be named",
    "/q/{id}/heat": "Click a field",
    "/q/{id}/scatter": "tau",
    "/q/{id}/scatter?x=ncs&y=wtcs": "WTCS",
    "/q/{id}/sigs": "TOY001",
    "/lookup?list=classes": "There is nothing here|All mechanisms",
    "/pert/drug-1": "Signatures",
    "/sig/TOY001_A375_24H:BRD-K000:0": "does not say which wells",
    "/gene/CDK1": "No perturbation of this gene itself",
    "/cell/A375": "What was tried",
    "/map": "beadwork index layout INDEX",
    "/plate/X/A01": "was opened without the plates",
    "/repurposing?q={id}&direction=mimic": "What is against it",
    "/about": "This index",
}


@pytest.fixture(scope="module")
def key(bare_site, toy_index):
    """Id of an answer of it."""
    from beadwork.api import ConnectivityIndex

    genes = ConnectivityIndex.open(toy_index).genes["gene_id"].tolist()
    return ask(bare_site, {"name": "bare", "up": genes[:30]})["id"]


@pytest.fixture(scope="module")
def tab(browser, bare_site):
    with contextlib.closing(Tab(browser, bare_site)) as found:
        yield found


@pytest.mark.parametrize("path", VIEWS)
def test_view(tab, key, path):
    tab.begin()
    tab.open(path.format(id=key))
    tab.until("words => new RegExp(words).test(document.querySelector('#main').innerText)", VIEWS[path])
    text = tab.page.inner_text("#main")
    assert "undefined" not in text and "NaN" not in text and tab.page.locator("[role=alert]").count() == 0, text
    assert tab.axe() == []
    tab.check()
