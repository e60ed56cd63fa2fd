"""A server as an object gives what the index itself gives."""

import numpy as np
import pandas as pd
import pytest

from beadwork import Client
from beadwork.api import ConnectivityIndex
from beadwork.model.errors import GeneSetError, ServerError

from ..serve.test_app import serving
from .index.conftest import *  # noqa: F403

pytest.importorskip("uvicorn", reason="the extra serve is not installed")
TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture(scope="module")
def index(toy_index):
    return ConnectivityIndex.open(toy_index)


@pytest.fixture(scope="module")
def client(index):
    with serving(index, token=TOKEN) as site:
        yield Client(site, token=TOKEN)


def test_answers_are_those_of_the_index(client, index):
    genes = index.genes["gene_id"].tolist()
    found = client.query(genes[:30], genes[30:60], where="cell_id=MCF7")
    expected = index.query(genes[:30], genes[30:60], where="cell_id=MCF7")
    for name in found.columns:
        if expected[name].dtype.kind == "f":
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, atol=1e-7)
        else:
            assert found[name].astype(object).where(found[name].notna(), None).tolist() == (
                expected[name].astype(object).where(expected[name].notna(), None).tolist()
            )
    assert found.attrs["notes"] == expected.attrs["notes"] and found.attrs["how_sure"]
    state = client.ask(genes[:30], genes[30:60])
    perts = index.query_many(genes[:30], genes[30:60]).perturbagens()
    assert client.table(state)["pert_iname"].tolist() == perts["pert_iname"].tolist()
    assert set(client.table(state["id"], "sigs")["sig_id"]) == set(index.siginfo["sig_id"])


def test_everything_else(client, index):
    assert len(client) == 150 and client.info()["genes"] == 978
    ids = index.siginfo["sig_id"].astype(str).tolist()
    assert client.siginfo["sig_id"].tolist() == ids and client.genes["gene_id"].tolist() == list(index.store.gene_ids)
    pd.testing.assert_series_equal(
        client.signature(ids[3]), index.signature(ids[3]), check_index_type=False, check_names=False
    )
    assert client.signatures(ids[:3], ["PSME1"]).shape == (1, 3)
    assert client.find_genes(["PSME1", "FOO1"])["answer"].tolist() == ["used", "unknown"]
    assert client.search("drug-3")["id"][0] == "drug-3"
    assert client.show("perts", "drug-3")["facts"]["pert_id"] == "BRD-K003"
    with pytest.raises((GeneSetError, ServerError), match=r"fewer than 3|1 (up )?gene"):
        client.query("PSME1")  # one gene, not its letters
    whole = client.query(signature=index.signature(ids[7]), name="whole")
    assert whole["sig_id"][0] == ids[7] and client.query(like=ids[7])["sig_id"][0] == ids[7]


def test_refusals_are_errors_of_the_library(client):
    with pytest.raises(GeneSetError, match="none of its 2 genes"):
        client.query(["FOO1", "FOO2"])
    with pytest.raises(GeneSetError, match="no signature 'nix'"):
        client.signature("nix")
    with pytest.raises(ServerError, match="this server asks for its token"):
        Client(client.url, token="another one").info()
    with pytest.raises(ServerError, match="is no address of a server; http://HOST:PORT is needed"):
        Client("file:///etc/passwd")
    with pytest.raises(ServerError, match=r"cannot be reached .*; is `beadwork serve` running there"):
        Client("http://127.0.0.1:9").info()


def test_a_browser_gets_the_token_as_a_cookie(client):
    import http.client

    host = client.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    connection.request("GET", f"/?token={TOKEN}")
    answer = connection.getresponse()
    answer.read()
    cookie = answer.headers["Set-Cookie"]
    assert (
        answer.status == 303
        and answer.headers["Location"] == "/"
        and "HttpOnly" in cookie
        and "SameSite=strict" in cookie
    )
    connection.request("GET", "/api/index", headers={"Cookie": cookie.split(";")[0]})
    assert connection.getresponse().status == 200
    connection.close()
