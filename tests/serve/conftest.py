"""A client of the application over a made index, without a socket."""

import time
from contextlib import contextmanager

import pytest

from beadwork.api import ConnectivityIndex

from ..api.index.conftest import *  # noqa: F403


@pytest.fixture(scope="session")
def open_index(toy_index):
    return ConnectivityIndex.open(toy_index)


@contextmanager
def client_of(index, **options):
    """Client of an application over an index."""
    fastapi = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")
    from beadwork.serve.app import create_app

    app = create_app(index, hosts=["127.0.0.1"], **options)
    with fastapi.TestClient(app, base_url="http://127.0.0.1") as found:
        yield found


@pytest.fixture(scope="module")
def client(open_index):
    with client_of(open_index) as found:
        yield found


@pytest.fixture(scope="module")
def ask(client):
    """Ask a question and wait for its answer."""

    def asked(question, on=client):
        response = on.post("/api/queries", json=question)
        assert response.status_code == 202, response.text
        return wait(on, response.json())

    return asked


def until(is_so):
    """Wait until something is so."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def wait(client, state):
    while state["status"] in ("waiting", "running"):
        time.sleep(0.02)
        state = client.get(state["state_url"]).json()
    return state


@pytest.fixture(scope="module")
def planted(open_index):
    genes = open_index.genes["gene_id"].tolist()
    return {"name": "planted", "up": genes[:30], "down": genes[30:60]}


@pytest.fixture(scope="module")
def answer(ask, planted):
    state = ask(planted)
    assert state["status"] == "done", state
    return state
