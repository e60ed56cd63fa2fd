"""Work in a process of its own: it ends with its time, with who waits for it, and leaves nothing behind."""

import operator
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest

from beadwork.io.files.unpack import read_bytes
from beadwork.model.errors import BeadworkError

from .conftest import until, wait
from .test_app import serving

testclient = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")
from beadwork.serve.upload import apart  # noqa: E402


@pytest.fixture
def begun(monkeypatch):
    """Processes that were begun."""
    found = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            found.append(self)

    monkeypatch.setattr(apart.subprocess, "Popen", Noted)
    return found


def is_gone(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def is_over(process):
    """Whether a process was waited for, and nothing is left of what it began.

    What it began is killed with it, and stays in its group until init has waited for it, which takes a moment.
    """
    until(lambda: is_gone(process.pid))
    return process.returncode is not None


def test_results_and_reasons_come_back(begun, caplog, tmp_path):
    own, here = apart.Apart(), threading.Event()
    assert own.run(60, here, operator.add, 2, 3) == 5
    with pytest.raises(BeadworkError, match=r"^nix: no such file; check the name$"):
        own.run(60, here, read_bytes, "nix")
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        own.run(60, here, operator.truediv, 1, 0)
    assert "Traceback" in caplog.text
    with pytest.raises(apart.EndedError):
        own.run(60, here, os._exit, 3)
    with pytest.raises(apart.EndedError):
        own.run(60, here, os.abort)
    assert own.run(60, here, print, "to standard output") is None, "which is not where the result goes"
    assert len(begun) == 6 and all(is_over(process) for process in begun)


def test_it_ends_with_its_time_and_what_it_began_too(begun):
    with pytest.raises(apart.OverError):
        apart.Apart().run(3, threading.Event(), subprocess.call, ["sleep", "600"])
    assert is_over(begun[0])


def test_it_ends_when_nobody_waits(begun):
    left = threading.Event()
    threading.Timer(0.5, left.set).start()
    with pytest.raises(apart.LeftError):
        apart.Apart().run(600, left, time.sleep, 600)
    assert is_over(begun[0])


def test_few_wait_for_their_turn_and_others_are_turned_away(begun):
    own, left, ends = apart.Apart(most_waiting=1), threading.Event(), []

    def run():
        try:
            own.run(600, left, time.sleep, 600)
        except apart.LeftError as error:
            ends.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: own._open == 2)
    with pytest.raises(BeadworkError, match="2 comparisons wait or run; try again in a moment") as refused:
        own.run(600, left, time.sleep, 0)
    assert refused.value.status == 429
    left.set()
    for thread in threads:
        thread.join()
    assert len(ends) == 2 and len(begun) <= 1 and own._open == 0, "one at a time"
    assert own.run(60, threading.Event(), operator.add, 1, 1) == 2


VALUES = "gene\ta\tb\nTP53\t1\t2\n"
FORM = {"groupby": "arm", "control": "well"}


def test_others_are_answered_while_groups_are_compared(client, open_index, begun, monkeypatch):
    run, enough, found = apart.Apart.run, threading.Event(), []
    monkeypatch.setattr(apart.Apart, "run", lambda self, *_, **__: run(self, 600, enough, time.sleep, 600))
    post = threading.Thread(target=lambda: found.append(client.post(
        "/api/signature", files={"file": ("v.tsv", VALUES)}, data=FORM)))  # fmt: skip
    post.start()
    until(lambda: begun)
    genes = open_index.genes["gene_id"].tolist()
    state = wait(client, client.post("/api/queries", json={"up": genes[:20]}).json())
    sets = client.post("/api/signature", files={"file": ("x.grp", "\n".join(genes[:20]))}).json()
    assert state["status"] == "done" and sets["kind"] == "sets" and not found, "all that while groups were compared"
    enough.set()
    post.join()
    assert found[0].status_code == 408 and found[0].json()["words"] == "the comparison was cancelled"
    assert is_over(begun[0])


@pytest.mark.parametrize("work", [os._exit, os.kill], ids=["ended", "killed"])
def test_a_comparison_that_ends_early_is_said(client, monkeypatch, work):
    run, given = apart.Apart.run, [1] if work is os._exit else [0, signal.SIGKILL]
    monkeypatch.setattr(apart.Apart, "run", lambda self, *_, **__: run(self, 600, threading.Event(), work, *given))
    refused = client.post("/api/signature", files={"file": ("v.tsv", VALUES)}, data=FORM)
    assert refused.status_code == 503 and refused.json()["code"] == "ended", refused.text
    assert refused.json()["words"].startswith("comparing the groups ended early, as for lack of memory; ")


def test_a_comparison_ends_when_its_client_goes_away(open_index, begun, monkeypatch):
    run = apart.Apart.run
    monkeypatch.setattr(apart.Apart, "run", lambda self, _, left, *__, **___: run(self, 600, left, time.sleep, 600))
    boundary = "b0undary"
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in FORM.items()]  # fmt: skip
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="v.tsv"\r\n\r\n{VALUES}\r\n')
    body = "".join([*parts, f"--{boundary}--\r\n"]).encode()
    with serving(open_index) as site:
        address = urllib.parse.urlsplit(site)
        head = (f"POST /api/signature HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}\r\n"
                f"Content-Type: multipart/form-data; boundary={boundary}\r\n\r\n")  # fmt: skip
        with socket.create_connection((address.hostname, address.port)) as client:
            client.sendall(head.encode() + body)
            until(lambda: begun)
        until(lambda: begun[0].returncode is not None)
        assert is_over(begun[0])
