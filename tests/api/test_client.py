"""A server as an object gives what the index itself gives."""

import http.server
import inspect
import socket
import threading
import time

import numpy as np
import pandas as pd
import pytest

from beadwork import Client
from beadwork.api import ConnectivityIndex, QueryResult
from beadwork.api.client import ServerAnswers
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import GeneSetError, ParameterError, ServerError
from toys import answering

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


def parameters(function):
    return [one for one in inspect.signature(function).parameters.values() if one.kind is not one.VAR_KEYWORD]


def test_words_are_those_of_the_index():
    shared = ["find_genes", "genes", "info", "query", "query_many", "siginfo", "signature"]
    public = [{name for name in vars(one) if not name.startswith("_")} for one in (Client, ConnectivityIndex)]
    assert sorted(set.intersection(*public)) == shared
    for name in shared:
        own, theirs = getattr(Client, name), getattr(ConnectivityIndex, name)
        if callable(theirs):
            taken = {one.name: one for one in parameters(own)}
            for one in parameters(theirs):
                assert one.name in taken, f"{name}: {one.name} is a word of the index"
                assert (taken[one.name].kind, taken[one.name].default) == (one.kind, one.default), (name, one.name)
    words = {name for name in vars(ServerAnswers) if not name.startswith("_")}
    assert words - {"states"} <= {name for name in vars(QueryResult) if not name.startswith("_")}
    for name in ("table", "perturbagens"):
        assert parameters(getattr(ServerAnswers, name)) == parameters(getattr(QueryResult, name))


def test_columns_are_those_of_the_index(client, index):
    genes = index.genes["gene_id"].tolist()
    sets = {"a": genes[:20], "b": genes[20:40]}
    found, expected = client.query_many(sets), index.query_many(sets)
    assert isinstance(found, dict) and found.names == expected.names == list(found.tables) == ["a", "b"]
    for query in ("b", 0):
        for one, other in ((found.table(query), expected.table(query)),
                           (found.perturbagens(query), expected.perturbagens(query))):  # fmt: skip
            assert list(one.columns) == list(other.columns)
            for name in one.columns[[kind.kind == "f" for kind in one.dtypes]]:
                np.testing.assert_allclose(one[name], other[name].astype(float), rtol=1e-5, atol=1e-6, err_msg=name)
    with pytest.raises(GeneSetError, match="no query 'c'; there are a, b"):
        found.table("c")
    assert client.siginfo.columns.tolist() == [name for name in index.siginfo.columns if name != "source"]
    assert client.genes.columns[:2].tolist() == index.genes.columns.tolist()
    assert set(index.info()) <= set(client.info())
    own, theirs = client.find_genes(names=["PSME1", "X9"]), index.find_genes(names=["PSME1", "X9"])
    assert own.columns[: theirs.shape[1]].tolist() == theirs.columns.tolist()


def test_queries_of_the_same_name_are_refused(client, index):
    genes = index.genes["gene_id"].tolist()
    same = [Query("a", tuple(genes[:20])), Query("a", tuple(genes[20:40]))]
    with pytest.raises(GeneSetError, match="queries of the same name: a; rename the sets"):
        client.query_many(same)
    assert list(client.query_many(down={"only": genes[:20]})) == ["only"], "a down set alone, as the index takes it"


def test_a_server_under_a_prefix(index):
    with serving(index, root_path="/cmap") as site:
        assert len(Client(f"{site}/cmap")) == len(Client(f"{site}/cmap/api/")) == 150
        assert Client(f"{site}/cmap").show("perts", "drug-3")["id"] == "drug-3"


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"])
def test_a_server_that_stops_meanwhile(sent):
    listener = socket.create_server(("127.0.0.1", 0))

    def stop():
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(sent)
        connection.close()

    thread = threading.Thread(target=stop, daemon=True)
    thread.start()
    with pytest.raises(
        ServerError, match=r"the connection broke off \((IncompleteRead|RemoteDisconnected)\); has the server"
    ):
        Client(f"http://127.0.0.1:{listener.getsockname()[1]}").info()
    thread.join(10)
    listener.close()


def test_answers_are_those_of_the_index(client, index):
    genes = index.genes["gene_id"].tolist()
    found = client.query(genes[:30], genes[30:60], where="cell_id=MCF7")
    expected = index.query(genes[:30], genes[30:60], where="cell_id=MCF7")
    assert found.columns.tolist() == expected.columns.tolist()
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
    names = ["PSME1", "FOO1", "MALAT1"]
    found, own = client.find_genes(names), index.find_genes(names)
    assert set(own.columns) <= set(found.columns)
    for name in ("name", "answer", "gene_id", "symbol", "reason"):
        plain = [str(item) if item == item and item else None for item in own[name]]
        assert [item or None for item in found[name]] == plain, name
    assert client.find_genes("PSME1")["gene_id"].tolist() == client.find_genes(["PSME1"])["gene_id"].tolist()
    assert client.signatures(ids[3], "PSME1").columns.tolist() == [ids[3]]
    assert client.search("drug-3")["id"][0] == "drug-3"
    assert client.show("perts", "drug-3")["facts"]["pert_id"] == "BRD-K003"
    with pytest.raises((GeneSetError, ServerError), match=r"fewer than 3|1 (up )?gene"):
        client.query("PSME1")  # one gene, not its letters
    whole = client.query(signature=index.signature(ids[7]), name="whole")
    assert whole["sig_id"][0] == ids[7] and client.query(like=ids[7])["sig_id"][0] == ids[7]


def test_sets_are_given_as_to_the_index(client, index, tmp_path):
    genes = index.genes["gene_id"].tolist()
    (tmp_path / "up.gmt").write_text("a\tna\t" + "\t".join(genes[:20]) + "\nb\tna\t" + "\t".join(genes[20:40]) + "\n")
    expected = index.query_many(tmp_path / "up.gmt")
    for given in (tmp_path / "up.gmt", str(tmp_path / "up.gmt"), {"a": genes[:20], "b": genes[20:40]},
                  [Query("a", tuple(genes[:20])), Query("b", tuple(genes[20:40]))]):  # fmt: skip
        found = client.query_many(given)
        assert list(found) == ["a", "b"]
        for name, table in found.items():
            np.testing.assert_allclose(table["ncs"], expected.table(name)["ncs"], rtol=1e-6)
    for ask in (client.query, index.query):
        with pytest.raises(GeneSetError, match=r"2 queries given \(a, b\); use query_many\(\)"):
            ask(tmp_path / "up.gmt")
        with pytest.raises(GeneSetError, match="or a full signature, not both"):
            ask(genes[:20], signature=index.signature(index.siginfo["sig_id"][0]))
        with pytest.raises(GeneSetError, match="no genes given; give up, down or signature"):
            ask()
    with pytest.raises(GeneSetError, match="like is a question of its own"):
        client.query(genes[:20], like="drug-3")
    z = index.signature(index.siginfo["sig_id"][0]).copy()
    z.iloc[:5] = np.nan
    np.testing.assert_allclose(client.query(signature=z)["ncs"], index.query(signature=z)["ncs"], rtol=1e-5)


class Odd(http.server.BaseHTTPRequestHandler):
    """Something that is no server of beadwork, or an older one."""

    answer = (200, "text/html", b"<html>hello</html>")

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, media, body = self.answer
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


def odd_server(*answer):
    return answering(type("Answers", (Odd,), {"answer": answer}))


OTHER = "as beadwork [0-9.]+ does; is it another version, or another program"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, "text/html", b"<html>hello</html>"), rf"does not answer /api/index {OTHER}"),
        ((200, "application/json", b"[1]"), rf"does not answer /api/index {OTHER}"),
        ((200, "application/json", b'{"version": "9"}'), rf"does not answer /api/index {OTHER}"),
        (
            (404, "application/json", b'{"code": "not_found", "words": "Not Found"}'),
            rf"does not answer /api/index {OTHER}",
        ),
        ((405, "application/json", b'{"code": "method_not_allowed", "words": "Method Not Allowed"}'), OTHER),
        ((502, "text/html", b"<html>Bad Gateway</html>"), "answers with status 502; is it a server of beadwork"),
        ((500, "application/json", b"{}"), "answers with status 500; is it a server of beadwork"),
    ],
)
def test_other_servers_are_said_to_be_so(answer, words):
    with odd_server(*answer) as url:
        client = Client(url)
        with pytest.raises(ServerError, match=words):
            client.info()
        for call in (lambda: client.siginfo, lambda: client.find_genes(["TP53"]), lambda: client.query(["TP53"]),
                     lambda: client.show("perts", "x"), lambda: client.search("x"), lambda: len(client)):  # fmt: skip
            with pytest.raises(ServerError):
                call()


def test_a_port_that_does_not_speak_http():
    listener = socket.create_server(("127.0.0.1", 0))

    def greet():
        connection, _ = listener.accept()
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        connection.close()

    thread = threading.Thread(target=greet, daemon=True)
    thread.start()
    with pytest.raises(ServerError, match=r"does not speak HTTP|cannot be reached"):
        Client(f"http://127.0.0.1:{listener.getsockname()[1]}").info()
    thread.join(10)
    listener.close()


def test_requests_to_this_machine_pass_by_proxies(client, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert len(Client(client.url, token=f"{TOKEN}\n")) == 150, "a line end of a file is no part of a token"


def test_a_busy_server_is_waited_for(monkeypatch):
    body = b'{"code": "busy", "words": "256 queries are waiting; try again later"}'
    monkeypatch.setattr("beadwork.api.client.BUSY_SECONDS", 0.05)
    with odd_server(429, "application/json", body) as url:
        started = time.monotonic()
        with pytest.raises(ServerError, match="256 queries are waiting; try again later"):
            Client(url, seconds=0.3).query(["TP53", "MDM2", "CDKN1A"])
        assert time.monotonic() - started > 0.2


def test_refusals_are_errors_of_the_library(client):
    with pytest.raises(ParameterError, match="kind 'pert': perts, genes, cells, classes, sigs can be shown"):
        client.show("pert", "drug-3")
    with pytest.raises(GeneSetError, match=r"table: .*'perts'.* is needed"):
        client.table(client.ask(like="drug-3"), "pert")
    for wrong in ("http://", "http://host:port", "https:///x", "127.0.0.1:8765"):
        with pytest.raises(ServerError, match=r"is no address of a server; http://HOST:PORT is needed"):
            Client(wrong)
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
    for path, status in ((f"/api/index?user_key={TOKEN}", 200), ("/api/index?user_key=wrong", 401)):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status, "as programs written for clue.io send their key"
    connection.request("GET", "/api/index", headers={"Cookie": cookie.split(";")[0]})
    assert connection.getresponse().status == 200
    connection.close()
