"""The web page and its API over a real socket: answers, limits, refusals, and the page in a real browser."""

import contextlib
import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pandas as pd
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.model.connectivity.query import Query
from toys import answering

from ..api.index.conftest import *  # noqa: F403

pytest.importorskip("uvicorn", reason="the extra serve is not installed")
pytest.importorskip("fastapi", reason="the extra serve is not installed")


@contextlib.contextmanager
def serving(index, **options):
    from beadwork.serve.app import create_app
    from beadwork.serve.server import make_server

    limits = {name: options.pop(name) for name in ("header_seconds", "answer_seconds") if name in options}
    server = make_server(create_app(index, **options), **limits)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.fixture(scope="module")
def index(toy_index):
    return ConnectivityIndex.open(toy_index)


@pytest.fixture(scope="module")
def site(index):
    with serving(index) as address:
        yield address


def fetch(address, data=None, headers=None):
    """(status, headers, text) of a request; `data` is sent as JSON."""
    body = data if data is None or isinstance(data, bytes) else json.dumps(data).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def ask(site, query):
    status, _, text = fetch(f"{site}/api/queries", query)
    assert status == 202, text
    state = json.loads(text)
    while state["status"] in ("waiting", "running"):
        time.sleep(0.05)
        state = json.loads(fetch(f"{site}/api/queries/{state['id']}")[2])
    assert state["status"] == "done", state
    return state


def test_answers_are_those_of_the_library(site, index):
    genes = index.genes["gene_id"].tolist()
    state = ask(site, {"name": "planted", "up": [*genes[:30], "FOO"], "down": genes[30:60]})
    assert state["counts"]["n_up_found"] == 30 and state["done"] == 1
    assert state["missing"] == [{"set": "up", "gene": "FOO", "answer": "not a gene", "reason": "unknown gene"}]
    base = f"{site}/api/queries/{state['id']}"
    rows = json.loads(fetch(f"{base}/signatures?limit=20")[2])
    expected = index.query(up=genes[:30], down=genes[30:60])
    place = rows["columns"].index("sig_id")
    assert rows["total"] == 150 and [row[place] for row in rows["rows"]] == expected["sig_id"].head(20).tolist()
    perts = json.loads(fetch(f"{base}/perturbagens")[2])
    assert {row[1] for row in perts["rows"][:5]} == {f"drug-{i}" for i in range(5)}
    some = json.loads(fetch(f"{base}/signatures?cell_id=MCF7&text=drug-3&sort=tau&descending=true&limit=500")[2])
    tau = [row[some["columns"].index("tau")] for row in some["rows"]]
    assert 0 < some["total"] < 30 and tau == sorted(tau, reverse=True)
    table = pd.read_csv(pd.io.common.StringIO(fetch(f"{base}/download/signatures")[2]), sep="\t")
    np.testing.assert_allclose(table["ncs"], expected["ncs"], rtol=1e-5)
    status, headers, page = fetch(f"{base}/view/page")
    assert status == 200 and "sandbox" in headers["Content-Security-Policy"] and "<svg" in page


def test_full_signatures_are_answered_as_the_library_does(site, index):
    sig_id = index.siginfo["sig_id"].iloc[7]
    z = index.signature(sig_id)
    values = {str(gene): round(float(value), 4) for gene, value in z.items()}
    expected = index.query(signature=values)
    table = "gene\tstat\n" + "".join(f"{gene}\t{value}\n" for gene, value in values.items())
    for asked in ({"signature": values}, {"profile": values}, {"signature_table": table}):
        state = ask(site, {"name": "whole", **asked})
        assert state["name"] == "whole"
        rows = json.loads(fetch(f"{site}/api/queries/{state['id']}/signatures?limit=20")[2])
        found = [row[rows["columns"].index("sig_id")] for row in rows["rows"]]
        assert found == expected["sig_id"].head(20).tolist() and found[0] == sig_id


def test_roll_ups_follow_the_filter_of_a_query(site, index):
    genes = index.genes["gene_id"].tolist()
    state = ask(site, {"up": genes[:30], "where": ["cell_id=MCF7"]})
    assert any(
        "75 of 150 signatures are shown" in note and "rolled up from these alone" in note for note in state["notes"]
    )
    assert state["null_types"] == {"ctl_vehicle": 30}
    base = f"{site}/api/queries/{state['id']}"
    found = json.loads(fetch(f"{base}/perturbagens?pert_type=TRT_CP&limit=500")[2])
    rows = pd.DataFrame(found["rows"], columns=found["columns"])
    expected = index.query_many([Query("q", tuple(genes[:30]))], where="cell_id=MCF7").perturbagens()
    assert rows["n_signatures"].sum() == 60 and rows["tau"].notna().all()
    np.testing.assert_allclose(rows["ncs"], expected["ncs"], atol=1e-6)
    np.testing.assert_allclose(rows["tau"], expected["tau"], atol=1e-5)
    status, _, text = fetch(f"{base}/perturbagens?cell_id=A375")
    assert status == 422 and "these rows have no cell_id; roll-ups follow the filters of the query (where)" in text
    assert json.loads(fetch(f"{site}/api/index")[2])["pert_type_names"]["trt_xpr"] == "CRISPR"


def test_entrez_ids_may_be_numbers(site, index):
    genes = [int(gene) for gene in index.genes["gene_id"][:20]]
    status, _, text = fetch(f"{site}/api/queries", {"up": [*genes[:19], float(genes[19])]})
    assert status == 202 and json.loads(text)["counts"]["n_up_found"] == 20


def test_signature(site, index):
    sig_id = index.siginfo["sig_id"].iloc[3]
    profile = json.loads(fetch(f"{site}/api/signature?{urllib.parse.urlencode({'sig_id': sig_id})}")[2])
    z = index.signature(sig_id)
    assert profile["up"][0]["gene_id"] == z.idxmax() and profile["annotation"]["distil_nsample"] == 3
    assert sum(profile["histogram"]["counts"]) == 978 and profile["ranked_by"] == "z"  # landmarks only


def test_openapi_describes_every_route(site):
    document = json.loads(fetch(f"{site}/openapi.json")[2])
    assert {"/api/index", "/api/queries", "/api/queries/{key}", "/api/signature"} <= set(document["paths"])
    assert document["openapi"].startswith("3.")


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/api/queries", {"up": ["FOO", "BAR"]}, 422, "none of its 2 genes (FOO, BAR) is in the index"),
        ("/api/queries", {"up": []}, 422, "the query: holds no genes"),
        (
            "/api/queries",
            {"up": [None, True]},
            422,
            "up, item 1: a text is needed; genes that go up, item 2",
        ),
        ("/api/queries", {"up": "PSME1"}, 422, "genes that go up: a list is needed"),
        ("/api/queries", {"signature": ["PSME1"]}, 422, "the signature: values by gene are needed"),
        ("/api/queries", {"up": ["PSME1"], "min_set": 0}, 422, "the smallest set: at least 1 is needed"),
        ("/api/queries", {"up": ["PSME1"], "min_set": "few"}, 422, "the smallest set: a whole number is needed"),
        ("/api/queries", ["PSME1"], 422, "the request is no JSON object; it holds name, up, down, min_set, signature"),
        ("/api/queries", {"up": ["1"] * 2001}, 422, "genes that go up: more than 2,000"),
        (
            "/api/queries",
            {"up": ["x" * 65]},
            422,
            "item 1: longer than 64 letters",
        ),
        (
            "/api/queries",
            {"up": ["PSME1"], "threads": 99},
            422,
            "there is no field 'threads'; there are name, up, down",
        ),
        ("/api/queries", {"up": ["PSME1"]}, 422, "1 up gene is in the index, fewer than 3 each; give more genes"),
        ("/api/queries", {"up": ["PSME1"], "min_set": 1, "where": ["nix=1"]}, 422, "the index has no field 'nix'"),
        ("/api/queries", {"up": ["PSME1"], "signature": {"PSME1": 2}}, 422, "or a full signature, not both"),
        ("/api/queries", {"signature": {"PSME1": "much"}}, 422, "the signature, gene PSME1: a number is needed"),
        ("/api/queries", b'{"signature": {"PSME1": NaN}}', 422, "the signature, gene PSME1: a finite number is needed"),
        ("/api/queries", {"signature_table": "a,b\nc,d\n"}, 422, "the table"),
        ("/api/queries", b"{not json", 422, "the request is not JSON"),
        ("/api/queries", b"[" + b" " * (8 << 20) + b"]", 413, "the request holds more than 8,388,608 bytes"),
        ("/api/queries/none", None, 404, "no such query; it may have been dropped for newer ones"),
        ("/api/signature?sig_id=nix", None, 422, "the index has no signature 'nix'"),
        ("/api/signature?sig_id=" + "x" * 301, None, 422, "sig_id: longer than 300 letters"),
    ],
)
def test_refusals(site, path, body, status, message):
    found = fetch(site + path, body)
    assert found[0] == status and message in json.loads(found[2])["detail"]


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/..%2f..%2fpyproject.toml", "/assets/app.js", "/%2e%2e/app.py", "//etc/passwd",
             "/api/queries/..%2f..%2fmanifest.json", "/docs"],
)  # fmt: skip
def test_no_path_reaches_the_file_system(site, path):
    status, _, text = fetch(site + path)
    assert status == 404 and "manifest" not in text and "root:" not in text


def test_other_methods_and_other_hosts_are_refused(site):
    request = urllib.request.Request(f"{site}/api/index", method="DELETE")
    with pytest.raises(urllib.error.HTTPError, match="405") as caught:
        urllib.request.urlopen(request)
    caught.value.close()
    assert fetch(f"{site}/api/index", headers={"Host": "evil.example"})[0] == 400
    status, headers, _ = fetch(f"{site}/")
    assert status == 200 and "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        ({"Origin": "{site}"}, 202),
        ({"Origin": "{site}", "Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "{site}.evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://localhost"}, 403),
        ({"Origin": "{site}/path"}, 403),
        ({"Origin": "http://me@{host}"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.example"}, 400),
        ({"Host": "127.0.0.1.evil.example"}, 400),
        ({"Host": "evil.example#127.0.0.1"}, 400),
        ({"Host": "localhost"}, 202),
        ({"Host": "LOCALHOST:99"}, 202),
    ],
)
def test_pages_of_other_sites_cannot_ask(site, index, headers, status):
    host = site.removeprefix("http://")
    headers = {name: value.replace("{site}", site).replace("{host}", host) for name, value in headers.items()}
    found = fetch(f"{site}/api/queries", {"up": index.genes["gene_id"].tolist()[:20]}, headers)
    while found[0] == 429:
        time.sleep(0.05)
        found = fetch(f"{site}/api/queries", {"up": index.genes["gene_id"].tolist()[:20]}, headers)
    assert found[0] == status, found[2]


def connect(site, text=""):
    host, port = site.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(text.encode())
    return connection


def seconds_until_closed(connection):
    start = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            pass
    connection.close()
    return time.monotonic() - start


ANSWERED = "GET /api/index HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "text",
    ["", "GET / HTTP/1.1\r\nHost: local", ANSWERED, f"{ANSWERED}GET / HT", f"{ANSWERED}{ANSWERED}GET /"],
    ids=["nothing", "half a header", "nothing after an answer", "half a header after it", "half of a third request"],
)
def test_connections_that_say_nothing_are_closed(index, text):
    with serving(index, header_seconds=0.5) as site:
        assert seconds_until_closed(connect(site, text)) < 9, "uvicorn itself waits for 10 s, or for ever"


def test_a_header_that_trickles_is_closed(index):
    with serving(index, header_seconds=0.6) as site:
        connection, start = connect(site, "GET / HTTP/1.1\r\n"), time.monotonic()
        with pytest.raises(ConnectionError):  # a byte now and then does not begin the time anew
            while time.monotonic() - start < 8:
                connection.sendall(b"X")
                time.sleep(0.05)
        connection.close()


def test_an_answer_that_is_not_taken_is_given_up(index):
    with serving(index, answer_seconds=0.5, header_seconds=60) as site:
        connection = connect(site)
        connection.settimeout(3)
        with contextlib.suppress(ConnectionError, TimeoutError):
            for _ in range(5000):
                connection.sendall(b"GET /app.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(4)
        connection.settimeout(20)
        assert seconds_until_closed(connection) < 5, "the rest of the answers would take longer"


HALF_A_BODY = "POST /api/queries HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"


@pytest.mark.parametrize("text", ["", "GET / HTTP/1.1\r\nHo", ANSWERED, HALF_A_BODY])
def test_many_connections_lock_nobody_out(index, text):
    with serving(index, header_seconds=30) as site, contextlib.ExitStack() as held:
        for _ in range(300):
            connection = held.enter_context(connect(site))
            with contextlib.suppress(ConnectionError):  # the oldest are closed meanwhile
                connection.sendall(text.encode())
        for _ in range(5):
            assert fetch(f"{site}/api/index")[0] == 200


def test_too_many_waiting_queries_are_turned_away(toy_index):
    index = ConnectivityIndex.open(toy_index)
    go = threading.Event()
    answer = index.answer
    index.answer = lambda *args, **kwargs: (go.wait(120), answer(*args, **kwargs))[1]
    with serving(index, most_waiting=2) as site:
        asked = [{"name": f"question {number}", "up": ["PSME1"], "min_set": 1} for number in range(3)]
        states = [json.loads(fetch(f"{site}/api/queries", one)[2]) for one in asked[:2]]
        assert fetch(f"{site}/api/queries", asked[0])[0] == 202, "the same question waits already"
        status, _, text = fetch(f"{site}/api/queries", asked[2])
        assert status == 429 and "2 queries are waiting; try again in a moment" in text
        status, _, text = fetch(f"{site}/api/queries/{states[1]['id']}/signatures")
        assert status == 422 and "the query is not answered yet" in text
        go.set()
        for state in states:
            while json.loads(fetch(f"{site}/api/queries/{state['id']}")[2])["status"] != "done":
                time.sleep(0.05)


def test_requests_and_queries_that_take_too_long_are_stopped(toy_index):
    index = ConnectivityIndex.open(toy_index)
    with serving(index, request_seconds=0.3) as site:
        host, port = site.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            head = f"POST /api/queries HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            slow.sendall(f"{head}Content-Length: 50\r\n\r\n{{".encode())
            said = slow.recv(4096).decode()
            while "s to come" not in said and (more := slow.recv(4096)):
                said += more.decode()
        assert said.startswith("HTTP/1.1 408") and "took more than 0.3 s to come" in said
    with serving(index, query_seconds=0) as site:
        state = json.loads(fetch(f"{site}/api/queries", {"up": ["PSME1"], "min_set": 1})[2])
        while state["status"] in ("waiting", "running"):
            time.sleep(0.05)
            state = json.loads(fetch(f"{site}/api/queries/{state['id']}")[2])
        assert (
            state["status"] == "failed" and "stopped after 0 s; `beadwork query` has no such limit" in state["message"]
        )


def test_command_says_where_it_is_and_what_is_wrong(toy_index):
    import sys

    process = subprocess.Popen(
        [sys.executable, "-m", "beadwork", "serve", str(toy_index), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        address = line.split(" is at ")[1].split()[0]
        end = time.monotonic() + 120
        while True:
            try:
                assert json.loads(fetch(f"{address}api/index")[2])["signatures"] == 150
                break
            except urllib.error.URLError:
                assert time.monotonic() < end, "the command does not answer"
                time.sleep(0.1)
        port = address.rsplit(":", 1)[1].strip("/")
        second = subprocess.run(
            [sys.executable, "-m", "beadwork", "serve", str(toy_index), "--port", port], capture_output=True, text=True
        )
        assert second.returncode == 2 and "cannot listen there" in second.stderr and "another --port" in second.stderr
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/sigs?limit=501", "limit: at most 500 is needed"), ("/api/sigs?limit=0", "limit: at least 1 is needed"),
        ("/api/perts?limit=-1", "limit: at least 1 is needed"),
        ("/api/genes?offset=-1", "offset: at least 0 is needed"),
        ("/api/sigs?limit=ten", "limit: a whole number is needed"), ("/api/search?q=a&limit=0", "limit: at least 1 is"),
        ("/api/history?limit=1000", "limit: at most 500 is needed"),
        ("/api/signature?sig_id=x&top=201", "top: at most 200 is needed"),
        ("/api/sigs?limt=5", "there is no parameter 'limt'; did you mean 'limit'?"),
        ("/api/sigs?cell=A375", "there is no parameter 'cell'; did you mean 'cell_id'?"),
        ("/api/sigs?where=%7B%7D", "a search as of clue.io is filter={...}"),
        ("/api/index?verbose=1", "there is no parameter 'verbose'; there are none"),
        ("/api/queries/x?wiat=3", "there is no parameter 'wiat'; did you mean 'wait'?"),
        ("/api/sigs?sort=-tass", "there is no column 'tass'; did you mean 'tas'?"),
        ("/api/sigs?fields=sig_id,cel_id", "there is no column 'cel_id'; did you mean 'cell_id'?"),
        ("/api/sigs.tsv?limit=501", "limit: at most 500 is needed"),
    ],
)  # fmt: skip
def test_what_an_address_does_not_take_is_refused(site, path, words):
    status, _, text = fetch(site + path)
    found = json.loads(text)
    assert status == 422 and words in found["words"] and found["field"]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/api/queries", {"upp": ["PSME1"]}, "there is no field 'upp'; did you mean 'up'?"),
        ("/api/genes/check", {"txt": "PSME1"}, "there is no field 'txt'; did you mean 'text'?"),
        ("/api/genes/check", ["PSME1"], "the request is no JSON object; it holds text, genes"),
        ("/api/sigs/values", {"sig_ids": []}, "sig_ids: at least 1 needed"),
        ("/api/sigs/values", {"sig_id": ["x"]}, "there is no field 'sig_id'; did you mean 'sig_ids'?"),
        ("/api/compare", {"ids": ["a", "b"], "table": "cells"}, "table: is none of the values that there are"),
        ("/api/compare", {"ids": ["a", "b"], "rows": 501}, "rows: at most 500 is needed"),
    ],
)
def test_bodies_are_refused_with_the_fields_of_their_own_address(site, path, body, words):
    status, _, text = fetch(site + path, body)
    assert status == 422 and words in json.loads(text)["words"]


def test_files_hold_the_rows_that_are_asked_for(site, index):
    genes = index.genes["gene_id"].tolist()
    base = f"{site}/api/queries/{ask(site, {'up': genes[:30]})['id']}"
    for address in (f"{base}/export?as=tsv&table=sigs", f"{base}/sigs.tsv?", f"{site}/api/sigs.tsv?"):
        whole = fetch(address)[2].splitlines()
        assert len(whole) == 151
        assert fetch(f"{address}&limit=7&offset=3")[2].splitlines() == [whole[0], *whole[4:11]]


@contextlib.contextmanager
def proxied(target, prefix, *, strip, headers=()):
    """Show a server under a prefix, as proxy_pass of nginx does; the proxy takes the prefix off, or leaves it."""
    import http.client
    import http.server

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if not self.path.startswith(prefix):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            inner = http.client.HTTPConnection(target.removeprefix("http://"), timeout=30)
            sent = {**dict(self.headers.items()), **dict(headers), "Connection": "close"}
            inner.request(self.command, self.path[len(prefix) :] if strip else self.path, body, sent)
            answer = inner.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "connection", "transfer-encoding", "server", "date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            inner.close()

        do_POST = do_DELETE = do_GET

        def log_message(self, *_):
            pass

    with answering(Handler) as address:
        yield address


@pytest.mark.parametrize("strip", [True, False])
def test_behind_a_proxy_under_a_prefix(index, strip):
    from beadwork import Client

    genes = index.genes["gene_id"].tolist()
    with serving(index, root_path="/l1000") as inner, proxied(inner, "/l1000", strip=strip) as outer:
        site = f"{outer}/l1000"
        assert '"/l1000/' in fetch(f"{site}/")[2] and len(Client(site)) == 150
        status, _, text = fetch(f"{site}/api/queries", {"up": genes[:30]}, {"Origin": outer})
        state = json.loads(text)
        assert status == 202 and state["state_url"].startswith("/l1000/api/queries/")
        while state["status"] in ("waiting", "running"):
            state = json.loads(fetch(f"{outer}{state['state_url']}?wait=5")[2])
        assert json.loads(fetch(f"{outer}{state['state_url']}/sigs?limit=3")[2])["total"] == 150
        assert json.loads(fetch(f"{site}/api//cells/?user_key=x")[2])[0]["cell_id"]
        gmt = "TAG\tna\t" + "\t".join(genes[:30])
        job = json.loads(fetch(f"{site}/api/jobs", {"tool_id": "sig_queryl1k_tool", "uptag-cmapfile": gmt})[2])[
            "result"
        ]
        while json.loads(text := fetch(f"{site}/api/jobs/{job['job_id']}")[2])["status"] != "completed":
            time.sleep(0.05)
        url = json.loads(text)["download_url"]
        assert url.startswith(f"{outer.removeprefix('http:')}/l1000/api/jobs/")
        with urllib.request.urlopen(f"http:{url}", timeout=30) as response:
            assert response.status == 200 and response.headers["Content-Type"] == "application/gzip"


def test_a_proxy_with_tls_says_so(index):
    genes = index.genes["gene_id"].tolist()[:30]
    with serving(index, hosts=["lab.example.org"]) as site:
        outside = {"Host": "lab.example.org", "Origin": "https://lab.example.org"}
        status, _, text = fetch(f"{site}/api/queries", {"up": genes}, outside)
        assert status == 403 and "a proxy has to pass Host and X-Forwarded-Proto on" in text
        assert fetch(f"{site}/api/queries", {"up": genes}, {**outside, "X-Forwarded-Proto": "https"})[0] == 202
        foreign = {"Host": "lab.example.org", "Origin": "https://evil.example.org", "X-Forwarded-Proto": "https"}
        assert fetch(f"{site}/api/queries", {"up": genes}, foreign)[0] == 403
