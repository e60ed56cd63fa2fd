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


def test_archives_of_jobs_go_with_the_server_without_a_warning(recwarn, monkeypatch, open_index):
    import gc

    from beadwork.serve.clue import jobs as module
    from beadwork.serve.lookup.states import IndexState

    monkeypatch.setattr(module, "write_clue_layout", lambda index, queries, root, tools: root.mkdir())
    jobs = module.ClueJobs()
    job = jobs._jobs["x"] = module.ClueJob("x", "sig_gutc_tool", "x", (), IndexState(open_index), {}, [])
    jobs._run(job)
    folder = job.archive.parent
    assert job.status == "completed" and job.state is None and folder.is_dir()
    del jobs
    gc.collect()
    assert not folder.exists() and not [item for item in recwarn if item.category is ResourceWarning]


def next_of(client, url):
    found = client.get(url)
    assert found.status_code == 200 and found.json()["next"], found.text
    return found.json()["next"]


def test_a_cursor_is_of_one_address_and_what_chooses_its_rows(client, ask, planted, answer):
    base = f"/api/queries/{answer['id']}"
    other = ask({**planted, "name": "another"})["id"]
    cursor = next_of(client, f"{base}/sigs?limit=2&sort=-ncs&fields=sig_id")
    for path in ("sigs?", "sigs?limit=9&fields=ncs&user_key=x&", "sigs.json?"):
        assert client.get(f"{base}/{path}sort=-ncs&cursor={cursor}").status_code == 200, path
    others = ("perts?sort=-ncs", "sigs?sort=ncs", "sigs?sort=-ncs&f=cell_id:A375", "sigs?sort=-ncs&text=a")
    for url in (*(f"{base}/{path}" for path in others), f"/api/queries/{other}/sigs?sort=-ncs", "/api/sigs?sort=-tas"):
        assert is_refusal(client.get(f"{url}&cursor={cursor}"), 409)["code"] == "stale_cursor", url
    cursor = next_of(client, f"{base}/repurposing?direction=mimic&limit=2")
    assert client.get(f"{base}/repurposing?direction=mimic&cursor={cursor}").status_code == 200
    for more in ("direction=reverse", "direction=mimic&min_cells=1", "direction=mimic&max_dose=3"):
        assert is_refusal(client.get(f"{base}/repurposing?{more}&cursor={cursor}"), 409)["field"] == "cursor", more
    both = is_refusal(client.get(f"{base}/sigs?offset=3&cursor={cursor}"), 422)
    assert both["words"] == "offset: stands in the cursor; give one of both"


def test_a_cursor_of_a_matrix_ends_with_the_next_answer(client, open_index, monkeypatch):
    from beadwork.serve.store import KeptBatch

    genes = open_index.genes["gene_id"].tolist()
    questions = [{"name": f"m{n}", "up": genes[n * 30 : n * 30 + 30]} for n in range(2)]
    batch = client.post("/api/batches", json={"name": "m", "questions": questions}).json()
    for member in batch["members"]:
        state = client.get(f"/api/queries/{member['id']}?wait=30").json()
        while state["status"] in ("waiting", "running"):
            state = client.get(f"/api/queries/{member['id']}?wait=30").json()
    ids = [member["id"] for member in batch["members"]]
    store = client.app.state.service.store
    store.put_batch(KeptBatch("partly", "m", questions, [ids[0], "f" * 20]))
    cursor = next_of(client, "/api/batches/partly/perts?limit=2")
    assert client.get(f"/api/batches/partly/perts?limit=2&cursor={cursor}").status_code == 200
    store.put_batch(KeptBatch("partly", "m", questions, ids))
    assert is_refusal(client.get(f"/api/batches/partly/perts?limit=2&cursor={cursor}"), 409)["field"] == "cursor"


@pytest.fixture
def outside(open_index):
    """A server behind a proxy, under a prefix, with a token."""
    from beadwork.serve.app import create_app

    app = create_app(open_index, hosts=["lab.example"], root_path="/l1000", token="t" * 20)
    with testclient.TestClient(app, base_url="http://lab.example", follow_redirects=False) as found:
        yield found


@pytest.mark.parametrize(
    ("proto", "is_there"),
    [("https", True), ("HTTPS", True), ("https, http", True), ("http, https", False), ("", False), ("httpsx", False)],
)
def test_proxies_say_what_a_browser_sees(outside, proto, is_there):
    sent = {"Authorization": f"Bearer {'t' * 20}", "Origin": "https://lab.example", "X-Forwarded-Proto": proto}
    found = outside.post("/l1000/api/genes/check", json={"text": "TP53"}, headers=sent)
    assert found.status_code == (200 if is_there else 403)
    cookie = outside.get(f"/l1000/?token={'t' * 20}", headers={"X-Forwarded-Proto": proto}).headers["set-cookie"]
    assert ("Secure" in cookie) == is_there and "HttpOnly" in cookie and "Path=/l1000/" in cookie


def test_the_page_stands_at_the_prefix_itself(outside):
    found = outside.get("/l1000", headers={"Authorization": f"Bearer {'t' * 20}"})
    assert found.status_code == 200 and "<!doctype html>" in found.text and "/l1000/" in found.text
    assert outside.get("/l1000x/", headers={"Authorization": f"Bearer {'t' * 20}"}).status_code == 404
