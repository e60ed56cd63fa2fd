"""What nobody should send: no request ends in a fault of the program, and nothing of one is passed over."""

import pytest

testclient = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")
JSON = {"Content-Type": "application/json"}
HALF = b'"\\ud800"'
"""Half a letter, which JSON can hold and UTF-8 cannot."""


def is_refusal(response, *statuses):
    body = response.json()
    assert response.status_code in statuses, response.text
    assert {"code", "words", "field", "detail"} <= set(body) and body["words"] == body["detail"] and body["words"]
    return body


FILES = (
    "export", "export?as=gmt", "export?as=zip", "export?as=html", "export?as=gct&table=perts", "sigs.arrow",
    "download/perts", "export?as=gmt&table=sigs&top=3&limit=2", "sigs.tsv?text=é漢&f=cell_id~β",
)  # fmt: skip


@pytest.mark.parametrize("name", ["漢", 'a"b\r\nX: y', "β-blocker", "x" * 100, "\x00", "../../etc/passwd"])
def test_files_of_an_answer_of_any_name(client, ask, planted, name):
    key = ask({**planted, "name": name})["id"]
    for path in FILES:
        found = client.get(f"/api/queries/{key}/{path}")
        assert found.status_code == 200, (path, found.text)
        said = found.headers["content-disposition"]
        assert said.isascii() and said.startswith('attachment; filename="') and "\r" not in said and "/" not in said


def test_letters_beyond_ascii_stand_in_the_name_of_a_file(client, ask, planted):
    key = ask({**planted, "name": "β 漢"})["id"]
    said = client.get(f"/api/queries/{key}/export").headers["content-disposition"]
    assert said == ("attachment; filename=\"_-__signatures.tsv\"; filename*=UTF-8''%CE%B2-%E6%BC%A2_signatures.tsv")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/queries", b'{"up": [%s]}'), ("/api/queries", b'{"name": %s, "up": ["TP53"]}'),
        ("/api/queries", b'{"signature": {%s: 1}}'), ("/api/queries", b'{"like": %s}'),
        ("/api/queries", b'{"up": ["TP53"], "where": [%s]}'), ("/api/queries", b'{"signature_table": %s}'),
        ("/api/queries", b'{%s: 1}'), ("/api/queries/batch", b'{"questions": [{"up": [%s]}]}'),
        ("/api/batches", b'{"name": %s, "questions": [{"up": ["TP53"]}]}'), ("/api/genes/check", b'{"genes": [%s]}'),
        ("/api/genes/check", b'{"text": %s}'), ("/api/sigs/values", b'{"sig_ids": [%s]}'),
        ("/api/sigs/values", b'{"sig_ids": ["x"], "genes": [%s]}'), ("/api/compare", b'{"ids": [%s, "x"]}'),
        ("/api/jobs", b'{"uptag-cmapfile": %s}'), ("/api/jobs", b'{"name": %s, "uptag-cmapfile": "x"}'),
        ("/api/sigs/places", b'{"places": [%s]}'),
    ],
)  # fmt: skip
def test_half_letters_are_refused(client, path, body):
    is_refusal(client.post(path, content=body % HALF, headers=JSON), 400, 404, 422)


def test_half_letters_in_filters_are_refused(client):
    for where in ({"pert_iname": "\ud800"}, {"pert_iname": {"regexp": "\ud800"}}, {"\ud800": 1}):
        import json

        is_refusal(client.get("/api/perts", params={"filter": json.dumps({"where": where})}), 400)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 3000, b"1" * 6000,
     b'{"up": ["TP53"], "min_set": ' + b"1" * 6000 + b"}", b'{"min_set": 1e999}', b'{"questions": [null]}'],
)  # fmt: skip
@pytest.mark.parametrize("path", ["queries", "queries/batch", "batches", "genes/check", "compare", "sigs/values"])
def test_bodies_that_are_no_question(client, path, body):
    if path == "genes/check" and body == b"{}":
        return
    refused = is_refusal(client.post(f"/api/{path}", content=body, headers=JSON), 400, 422)
    assert refused["field"] is None or not refused["field"].isdigit(), "a place in the text is no field"


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("perts?cursor=W0luZmluaXR5LCAieCJd", "cursor", "is none of this server's"),
        ("perts?cursor=WzFlMzAwLCAieCJd", "cursor", "belongs to another order"),
        ("perts?cursor=" + "é" * 9, "cursor", "is none of this server's"),
        ("perts?limit=1&limit=2", "limit", "limit: is given 2 times; one at a time"),
        ("perts?sort=ncs&sort=-ncs", "sort", "sort: is given 2 times"),
        ("perts?sort=--ncs", "sort", "there is no column '-ncs'; did you mean 'ncs'?"),
        ("perts?sort=-", "sort", "there is no column ''"),
        ("perts?limit=-1", "limit", "limit: at least 1 is needed"),
        ("perts?limit=1e400", "limit", "limit: a whole number is needed"),
        ("perts?limit=" + "9" * 50, "limit", "limit: at most 500 is needed"),
        ("perts?offset=-1", "offset", "offset: at least 0 is needed"),
        ("scores?fields=", "fields", "name a score"),
        ("scores?fields=,", "fields", "name a score"),
        ("scores?fields=nix", "fields", "no score 'nix'"),
        ("heat?limit=3", "limit", "a heat map has no pages; rows says how many it shows"),
        ("heat?fields=ncs", "fields", "a heat map has no pages"),
        ("beside?sig=x&pert=drug-1", "pert", "give one of sig and pert"),
        ("beside?pert_type=trt_cp", "pert_type", "pert is missing"),
        ("enrichment?sig=nix", "sig", "no signature 'nix'"),
        ("export?as=zip&f=cell_id:A375", "f", "f: a file zip is of the whole answer"),
        ("export?as=html&limit=2", "limit", "limit: a file html is of the whole answer"),
        ("export?as=gmt&sort=-ncs", "sort", "sort: a file gmt is of the whole answer"),
        ("repurposing?min_share=nan", "min_share", "is needed"),
        ("perts?f=" + "x" * 1001, "f", "longer than 1,000 letters"),
    ],
)
def test_nothing_of_an_address_is_passed_over(client, answer, query, field, words):
    body = is_refusal(client.get(f"/api/queries/{answer['id']}/{query}"), 404, 409, 422)
    assert body["field"] == field and words in body["words"], body


def test_filters_may_come_several_times(client, answer):
    found = client.get(f"/api/queries/{answer['id']}/sigs?f=cell_id:A375&f=tas>=0&user_key=a&user_key=b")
    assert found.status_code == 200


def test_a_name_of_blanks_is_no_name(client, answer):
    url = f"/api/history/{answer['id']}"
    for name in ("", "  ", "\t"):
        assert is_refusal(client.patch(url, json={"name": name}), 422)["field"] == "name"
    assert client.patch(url, json={"name": f" {answer['name']} "}).json()["name"] == answer["name"]


def test_what_is_not_changed_keeps_its_tag(client, answer):
    url = f"/api/queries/{answer['id']}/perts"
    tag = client.get(url).headers["etag"]
    found = client.get(url, headers={"If-None-Match": f'W/"other", {tag}'})
    assert found.status_code == 304 and found.headers["etag"] == tag and not found.content


def test_a_signature_of_more_values_than_a_question_takes_is_refused(client, monkeypatch, open_index):
    from beadwork.serve import questions

    monkeypatch.setattr(questions, "MOST_VALUES", 900)
    z = open_index.signature(open_index.siginfo["sig_id"].iloc[7])
    table = "gene\tstat\n" + "".join(f"{gene}\t{value:.4f}\n" for gene, value in z.items())
    refused = is_refusal(client.post("/api/signature", files={"file": ("de.tsv", table)}), 413)
    assert refused["words"] == "a signature of 978 values; a question takes 900" and refused["field"] == "file"


def test_a_fault_of_the_program_is_said_in_the_form_of_any_refusal(open_index, monkeypatch):
    from beadwork.serve.app import create_app
    from beadwork.serve.lookup import states

    app = create_app(open_index, hosts=["127.0.0.1"])
    monkeypatch.setattr(states.IndexState, "search", None)
    with testclient.TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        found = client.get("/api/search?q=a")
        body = is_refusal(found, 500)
        assert body["code"] == "fault" and "its log says more" in body["words"] and "NoneType" not in found.text
        assert found.headers["x-content-type-options"] == "nosniff" and found.headers["content-security-policy"]


def test_a_job_that_ended_keeps_no_state_of_the_index(client, open_index):
    import time

    genes = open_index.genes["symbol"].tolist()
    sets = "\t".join(["X_UP", "-", *genes[:20]]) + "\n"
    key = client.post("/api/jobs", json={"uptag-cmapfile": sets, "tool_id": "sig_queryl1k_tool"}).json()["result"][
        "job_id"
    ]
    end = time.monotonic() + 60
    while client.get(f"/api/jobs/{key}").json()["status"] in ("pending", "running"):
        assert time.monotonic() < end
        time.sleep(0.02)
    job = client.app.state.service.clue_jobs.find(key)
    while job.state is not None:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert job.status == "completed", job.error
