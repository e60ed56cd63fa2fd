"""A question is understood alike wherever it is asked: alone, several at once, in a list; and whole or not at all."""

import threading

import pytest

from .conftest import until

testclient = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")


@pytest.fixture(scope="module")
def forms(client, open_index, answer, planted):
    """The same kinds of questions in every form there is."""
    symbols = open_index.genes["symbol"].tolist()
    z = open_index.signature(open_index.siginfo["sig_id"].iloc[7])
    table = "gene\tstat\n" + "".join(f"{gene}\t{value:.4f}\n" for gene, value in z.items())
    sent = client.post("/api/signature", files={"file": ("de.tsv", table)})
    return {
        "sets": {"up": symbols[:20], "down": symbols[20:40]},
        "down": {"down": symbols[:20]},
        "signature": {"signature": {str(gene): float(value) for gene, value in z.items()}},
        "table": {"signature_table": table},
        "token": {"token": sent.json()["token"]},
        "like": {"like": "drug-3", "where": ["cell_id=MCF7"], "direction": "reverse"},
        "again": {"again": answer["id"]},
    }


def ask_in_every_way(client, question):
    """Status, words and id of the answer to a question by each address that takes one."""
    found = {}
    one = client.post("/api/queries", json=question)
    found["alone"] = (one.status_code, one.json().get("words"), one.json().get("id"))
    several = client.post("/api/queries/batch", json={"questions": [question]})
    body = several.json()
    found["batch"] = (several.status_code, body.get("words"), body["queries"][0]["id"] if "queries" in body else None)
    listed = client.post("/api/batches", json={"questions": [question]})
    body = listed.json()
    found["list"] = (listed.status_code, body.get("words"), body["members"][0]["id"] if "members" in body else None)
    return found


@pytest.mark.parametrize("form", ["sets", "down", "signature", "table", "token", "like", "again"])
def test_each_form_is_the_same_question_by_every_address(client, forms, answer, form):
    found = ask_in_every_way(client, forms[form])
    assert {status for status, _, _ in found.values()} == {202}, found
    ids = {key for _, _, key in found.values()}
    assert len(ids) == 1 and (form != "again" or ids == {answer["id"]})


@pytest.mark.parametrize(
    ("question", "field", "words"),
    [
        ({"again": "nix"}, "again", "no such question"),
        ({"token": "nix"}, "token", "no such token"),
        ({"like": "nix"}, "like", "nix"),
        ({"up": ["FOO"]}, None, "FOO"),
        ({"up": ["PSME1"], "like": "drug-3"}, "like", "not both"),
        ({"again": "KEPT", "up": ["PSME1"]}, "up", "again asks the question of an answer as it was; leave up out"),
        ({"again": "KEPT", "like": "drug-3"}, "like", "leave like out"),
        ({"again": "KEPT", "where": ["cell_id=MCF7"]}, "where", "leave where out"),
        ({"again": "KEPT", "direction": "reverse"}, "direction", "leave direction out"),
        ({"again": "KEPT", "name": "x"}, "name", "leave name out"),
        ({"again": "KEPT", "min_set": 5, "token": "t"}, "min_set", "leave min_set, token out"),
    ],
)
def test_each_refusal_is_the_same_by_every_address(client, answer, question, field, words):
    question = {name: answer["id"] if item == "KEPT" else item for name, item in question.items()}
    refused = client.post("/api/queries", json=question)
    assert refused.status_code in (404, 422) and refused.json()["field"] == field, refused.text
    assert words in refused.json()["words"]
    said = refused.json()["words"]
    for way, (status, own, _) in ask_in_every_way(client, question).items():
        assert status in (404, 422) and own.endswith(said), way
    mixed = client.post("/api/batches", json={"questions": [{"like": "drug-3"}, question]}).json()
    assert mixed["members"][1]["status"] == "refused" and mixed["members"][1]["message"] == said


def test_a_question_of_an_older_version_is_refused_with_the_reason(client, answer):
    """A store may hold what this version does not take."""
    import json

    store = client.app.state.service.store
    base = store._base
    question = json.loads(base.execute("select question from query where id = ?", (answer["id"],)).fetchone()[0])
    with base:
        base.execute("insert into query select 'older', created, used, name, ?, state, facts, note, star, bytes "
                     "from query where id = ?", (json.dumps({**question, "weight": 2}), answer["id"]))  # fmt: skip
    try:
        refused = client.post("/api/queries", json={"again": "older"})
        assert refused.status_code == 410 and refused.json()["code"] == "other_version", refused.text
        assert "was kept by another version of beadwork (weight: " in refused.json()["words"]
        assert client.get("/api/queries/older/view/page").status_code == 410
    finally:
        with base:
            base.execute("delete from query where id = 'older'")


class Held:
    """An index whose answers wait until they may go."""

    def __init__(self, index):
        self.index, self.go = index, threading.Event()

    def __getattr__(self, name):
        return getattr(self.index, name)

    def __len__(self):
        return len(self.index)

    def answer(self, *args, **kwargs):
        self.go.wait(600)
        return self.index.answer(*args, **kwargs)


@pytest.fixture
def narrow(open_index):
    """A server where few questions may wait, and none is answered yet."""
    from beadwork.serve.app import create_app

    held = Held(open_index)
    app = create_app(held, hosts=["127.0.0.1"], most_waiting=3)
    with testclient.TestClient(app, base_url="http://127.0.0.1") as found:
        yield found
        held.go.set()
        until(lambda: not opened(found))


def opened(client):
    return [job for job in client.app.state.service.jobs.jobs.values() if job.is_open]


def test_a_full_queue_takes_all_questions_of_a_batch_or_none(narrow, open_index):
    genes = open_index.genes["gene_id"].tolist()
    questions = [{"name": f"q{n}", "up": genes[n * 20 : n * 20 + 20]} for n in range(5)]
    assert narrow.post("/api/queries", json=questions[0]).status_code == 202
    full = narrow.post("/api/queries/batch", json={"questions": questions[1:4]})
    assert full.status_code == 429 and full.json()["code"] == "busy" and full.headers["retry-after"]
    assert "1 query is waiting, and 3 more are too many; try again in a moment" in full.json()["words"]
    assert [job.asked.query.name for job in opened(narrow)] == ["q0"], "none of them was taken"
    # what is asked already, or twice, takes no further place
    fits = narrow.post("/api/queries/batch", json={"questions": [questions[0], *questions[1:3], questions[1]]})
    assert fits.status_code == 202 and [item["name"] for item in fits.json()["queries"]] == ["q0", "q1", "q2", "q1"]
    assert len(opened(narrow)) == 3
    never = narrow.post("/api/queries/batch", json={"questions": [*questions[:4], questions[4]]})
    assert never.status_code == 429


def test_more_questions_than_may_ever_wait_are_said_to_be(narrow, open_index):
    genes = open_index.genes["gene_id"].tolist()
    questions = [{"name": f"q{n}", "up": genes[n * 20 : n * 20 + 20]} for n in range(4)]
    refused = narrow.post("/api/queries/batch", json={"questions": questions})
    assert refused.status_code == 413 and "4 questions are more than the 3 that may wait" in refused.json()["words"]
    assert not opened(narrow)
