"""What is kept of questions: in a file or in memory, up to a limit; notes, stars; answers side by side."""

import stat

import numpy as np
import pyarrow as pa
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.model.errors import FileError
from beadwork.serve.store import Kept, Store

testclient = pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")

FACTS = {"how_sure": [{"verdict": "usable", "words": "x"}], "counts": {}, "notes": [], "null_types": {}, "missing": [],
         "scores": [], "seconds": 0.1, "signatures": 3}  # fmt: skip


def keep(store, key, star=False, rows=1000):
    store.put(Kept(key, f"name {key}", {"up": ["A"]}, "state", FACTS, star=star), {"scores": table_of(rows)})


def table_of(rows):
    return pa.table({"ncs": np.arange(rows, dtype=np.float32)})


@pytest.fixture(params=["file", "memory"])
def make_store(request, tmp_path):
    def make(**options):
        return Store(tmp_path / "own" / "answers.sqlite" if request.param == "file" else None, **options)

    return make


def test_columns_come_back_as_they_were(make_store):
    store = make_store()
    keep(store, "one")
    assert store.table("one", "scores").equals(table_of(1000)) and store.table("one", "nix") is None
    store.add("one", "more", table_of(5))
    assert store.find("one").bytes > 4000 and store.table("one", "more").num_rows == 5


def test_the_least_recently_used_go_first_and_stars_last(make_store):
    store = make_store(most_bytes=13_000)
    keep(store, "starred", star=True)
    for number in range(2):
        keep(store, f"plain {number}")
    keep(store, "new")
    assert store.find("plain 0").bytes == 0 and store.table("plain 0", "scores") is None
    assert store.find("starred").bytes > 0 and store.find("new").bytes > 0
    assert store.find("plain 0").question == {"up": ["A"]}, "the question stays, to be asked again"


def test_questions_have_a_limit_too(make_store):
    store = make_store()
    store.most_text = 4000
    for number in range(6):
        store.put(Kept(f"q{number}", "n", {"up": ["A" * 1000]}, "state", FACTS), {"scores": table_of(3)})
    assert store.find("q0") is None and store.find("q5") is not None and store.history()[0] == 3


def test_files_are_the_users_alone(tmp_path):
    path = tmp_path / "own" / "answers.sqlite"
    store = Store(path)
    keep(store, "one")
    files = [path, *path.parent.glob("answers.sqlite-*"), *store.folder.iterdir()]
    assert len(files) >= 2 and all(stat.S_IMODE(item.stat().st_mode) == 0o600 for item in files)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    store.close()
    again = Store(path)
    assert again.find("one").name == "name one" and again.table("one", "scores").num_rows == 1000


def test_files_of_something_else_are_left_alone(tmp_path):
    import sqlite3

    other = tmp_path / "other.sqlite"
    base = sqlite3.connect(other)
    base.execute("create table mine(a)")
    base.commit()
    base.close()
    with pytest.raises(FileError, match="is an SQLite file of something else; name another file"):
        Store(other)
    text = tmp_path / "text.sqlite"
    text.write_text("no database, but a text that is long enough to be looked at, " * 30)
    with pytest.raises(FileError, match="is no store of answers"):
        Store(text)
    assert text.read_text().startswith("no database")


def test_history_notes_stars_and_deletion(client, ask, planted, answer):
    second = ask({**planted, "name": "second_50%"})
    found = client.get("/api/history").json()
    assert {answer["id"], second["id"]} <= {row["id"] for row in found["rows"]}
    assert [row["id"] for row in client.get("/api/history", params={"text": "_50%"}).json()["rows"]] == [second["id"]]
    changed = client.patch(f"/api/history/{second['id']}", json={"note": "look again", "star": True}).json()
    assert changed["note"] == "look again" and changed["star"]
    assert [row["id"] for row in client.get("/api/history", params={"star": True}).json()["rows"]] == [second["id"]]
    assert client.delete(f"/api/history/{second['id']}").json() == {"deleted": 1}
    assert client.get(f"/api/queries/{second['id']}").status_code == 404
    assert client.patch("/api/history/nix", json={}).status_code == 404
    assert client.get("/api/history", params={"offset": 10**30}).status_code == 422


def test_answers_side_by_side(client, ask, planted, answer):
    turned = ask({**planted, "name": "turned", "up": planted["down"], "down": planted["up"]})
    found = client.post("/api/compare", json={"ids": [answer["id"], turned["id"]], "rows": 5}).json()
    assert found["correlation"][0][0] == 1 and found["correlation"][0][1] < -0.8
    assert found["rows"][0][-1] == max(row[-1] for row in found["rows"]) and found["shared"] == 12
    assert client.post("/api/compare", json={"ids": [answer["id"]] * 2}).json()["field"] == "ids"
    assert client.post("/api/compare", json={"ids": [answer["id"], "nix"]}).status_code == 404
    for table in ("sigs", "classes"):
        assert (
            client.post("/api/compare", json={"ids": [answer["id"], turned["id"]], "table": table}).status_code == 200
        )


@pytest.mark.parametrize("table", ["perts", "sigs", "classes"])
@pytest.mark.parametrize("filters", [([], []), (["cell_id=A375"], ["cell_id=A375"]), ([], ["cell_id=A375"]),
                                     (["cell_id=A375"], ["pert_iname!=drug-1"])])  # fmt: skip
def test_comparing_joins_rows_as_their_names_do(client, ask, planted, table, filters):
    """The same numbers as a join of the two tables by the names of their rows."""
    import pandas as pd

    from beadwork.serve.answer.compare import KEYS

    keys, key = list(KEYS[table]), f"compared {table} {filters}"
    turned = {**planted, "up": planted["down"], "down": planted["up"][:20]}
    asked = [ask({**question, "name": f"{key} {place}", "where": where})
             for place, (question, where) in enumerate(zip((planted, turned), filters, strict=True))]  # fmt: skip
    tables = []
    for state in asked:
        found = client.get(f"/api/queries/{state['id']}/{table}.json").json()
        rows = pd.DataFrame(found["rows"], columns=found["columns"])
        tables.append(rows.fillna({name: "" for name in keys}).set_index(keys)["ncs"].astype(float))
    joined = pd.concat(tables, axis=1, keys=["one", "two"], join="outer")
    whole = joined.dropna()
    found = client.post("/api/compare", json={"ids": [one["id"] for one in asked], "table": table, "rows": 500}).json()
    assert (found["shared"], found["only_some"]) == (len(whole), len(joined) - len(whole))
    assert found["shared"] or table == "classes"
    got = {tuple(row[: len(keys)]): row[-3:-1] for row in found["rows"]}
    assert len(got) == len(found["rows"]) == len(whole)
    for name, row in whole.iterrows():
        assert got[name if isinstance(name, tuple) else (name,)] == pytest.approx(row.tolist(), abs=1e-6)
    spreads = [row[-1] for row in found["rows"]]
    assert spreads == sorted(spreads, reverse=True) and found["scores"]["of"] == len(whole)
    if len(whole) > 2:
        assert found["correlation"][0][1] == pytest.approx(whole.corr("spearman").iloc[0, 1], abs=1e-7)
    values = [row[0] for row in found["scores"]["values"]]
    assert values == sorted(values, reverse=True) and len(found["scores"]["labels"]) == len(values)


def test_an_index_that_changes_is_noticed(tmp_path, toy_files):
    """Answers are wholly of one state; those of an older one stay, and are said to be older."""
    from beadwork.serve.app import create_app

    from ..api.index.conftest import make_signatures
    from .conftest import wait

    path = tmp_path / "index"
    ConnectivityIndex.build(path, *toy_files)
    app = create_app(ConnectivityIndex.open(path), hosts=["127.0.0.1"], reopen=lambda: ConnectivityIndex.open(path))
    with testclient.TestClient(app, base_url="http://127.0.0.1") as client:
        genes = ConnectivityIndex.open(path).genes["gene_id"].tolist()
        asked = {"up": genes[:30], "down": genes[30:60]}
        first = wait(client, client.post("/api/queries", json=asked).json())
        from beadwork.io.files.tables import write_table
        from beadwork.io.matrix.formats import write_matrix

        matrix, info = make_signatures(50, seed=9, prefix="NEW001")
        write_matrix(matrix, tmp_path / "new_MODZ.gctx")
        write_table(info, tmp_path / "new.tsv")
        ConnectivityIndex.open(path).append(tmp_path / "new_MODZ.gctx", tmp_path / "new.tsv")
        app.state.service.states.look(wait=True)
        second = wait(client, client.post("/api/queries", json=asked).json())
        assert second["state"] != first["state"] and second["id"] != first["id"]
        assert client.get(first["state_url"]).json()["older"] and not second["older"]
        totals = [client.get(f"/api/queries/{one['id']}/sigs").json()["total"] for one in (first, second)]
        assert totals == [150, 200]
        refused = client.post("/api/compare", json={"ids": [first["id"], second["id"]]})
        assert refused.status_code == 409 and refused.json()["code"] == "different_indexes"
