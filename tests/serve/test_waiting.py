"""Who waits for an answer, for memory, for a place on the disk."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest

from beadwork.model.connectivity.query import Query
from beadwork.model.errors import FileError
from beadwork.model.params import QueryParams
from beadwork.serve.answer.recent import Recent
from beadwork.serve.lookup.memory import give_back, limit_arenas
from beadwork.serve.store import Kept, Store

pytest.importorskip("fastapi.testclient", reason="the extra serve is not installed")

FACTS = {"how_sure": [{"verdict": "usable", "words": "x"}], "counts": {}, "notes": [], "null_types": {}, "missing": [],
         "scores": [], "seconds": 0.1, "signatures": 3}  # fmt: skip
FULL = "No space left on device"


def keep(store, key, **more):
    kept = Kept(key, key, {"up": ["A"]}, more.pop("state", "state"), FACTS, **more)
    store.put(kept, {"scores": pa.table({"ncs": np.arange(1000.0)})}, lambda: pa.table({"sig_id": ["a", "b"]}))


def files(store):
    return sorted(path.name for path in store.folder.iterdir())


def test_all_who_wait_go_on_at_the_end(open_index, planted):
    from beadwork.serve.jobs import Job
    from beadwork.serve.lookup.states import IndexState
    from beadwork.serve.questions import Question, understand
    from beadwork.serve.routes.queries import ended

    job = Job(understand(Question(**planted), IndexState(open_index)))

    async def wait_all():
        waiting = [asyncio.create_task(ended(job, 20)) for _ in range(50)]
        await ended(job, 0.01)
        assert not any(task.done() for task in waiting), "one who waits no longer ends nobody's else waiting"
        threading.Timer(0.01, job.end).start()
        await asyncio.gather(*waiting)
        await ended(job, 20)

    begun = time.monotonic()
    with ThreadPoolExecutor(1) as apart:  # a browser of other tests keeps a loop in this thread
        apart.submit(asyncio.run, wait_all()).result()
    assert time.monotonic() - begun < 19 and job.asked.state is None and job.asked.state_key


def test_a_cancelled_question_keeps_no_state_of_the_index(open_index, planted):
    from beadwork.serve.jobs import Jobs
    from beadwork.serve.lookup.states import IndexState
    from beadwork.serve.questions import Question, understand

    jobs = Jobs(Store(), workers=1)
    hold = threading.Event()
    jobs.pool.submit(hold.wait)
    job = jobs.submit(understand(Question(**planted), IndexState(open_index)))
    jobs.cancel(job)
    hold.set()
    jobs.close()
    assert job.phase == "cancelled" and job.asked.state is None and jobs.find(job.asked.key) is job


def test_what_was_made_last_stays_up_to_its_bytes():
    kept = Recent(3, most_bytes=100)
    for number in range(5):
        kept.keep(number, str(number), 30)
    assert [kept.get(number) for number in range(5)] == [None, None, "2", "3", "4"]
    kept.keep("large", "x", 1000)
    assert kept.get(4) is None and kept.get("large") == "x", "the newest one stays, however large"
    kept.keep("large", "y", 10)
    assert kept.keep("small", "z", 80) == "z" and kept.get("large") == "y"


def test_freed_memory_goes_back_to_the_system():
    """Blocks below the limits of the C library too, which it would keep for each thread."""
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else None
    assert limit_arenas() == bool(libc and libc.startswith("glibc"))
    give_back()


def test_a_large_background_is_kept_in_a_file_without_a_name(tmp_path, open_index, planted, monkeypatch, caplog):
    """The same answers; without room for it, it is rolled up with each."""
    import errno

    from beadwork.api.index.opened import ConnectivityIndex
    from beadwork.serve.lookup import states

    def answer(index):
        state = states.IndexState(index, tmp_path)
        result = index.query_many([Query("q", tuple(planted["up"]), tuple(planted["down"]))])
        return state, result.roll_up(plan=state.plan, background=state.rolled_background(result.params))

    _, usual = answer(open_index)
    monkeypatch.setattr(states, "MOST_BACKGROUND", 100)
    state, mapped = answer(open_index)
    background = state.rolled_background(QueryParams())
    assert any(isinstance(sizes, np.memmap) for sizes in background.sizes) and not list(tmp_path.iterdir())

    with monkeypatch.context() as elsewhere:
        elsewhere.delattr(os, "posix_fallocate", raising=False)  # a system that cannot ask for space
        _, sparse = answer(open_index)
        np.testing.assert_array_equal(sparse[0].tau, usual[0].tau)

    def full(*arguments):
        raise OSError(errno.ENOSPC, FULL)

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    state, each = answer(ConnectivityIndex(open_index.store))
    assert state.rolled_background(QueryParams()) is None
    assert "no space for the background of tau of 150 signatures, rolled up with each answer: No space" in caplog.text
    for one, two, three in zip(usual, mapped, each, strict=True):
        np.testing.assert_array_equal(one.tau, two.tau)
        np.testing.assert_array_equal(one.tau, three.tau)
    assert np.isfinite(usual[1].tau).any()


def test_variables_of_the_user_stay(monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=4")
    assert not limit_arenas()


def test_signatures_of_a_state_are_kept_once_and_go_with_its_last_answer(tmp_path):
    store = Store(tmp_path / "answers.sqlite")
    for key in "ab":
        keep(store, key)
    keep(store, "c", state="newer")
    assert sum(name.startswith("state-") for name in files(store)) == 2
    store.delete("a")
    assert store.signatures("state").column("sig_id").to_pylist() == ["a", "b"]
    store.delete("b")
    assert store.signatures("state") is None and store.signatures("newer") is not None
    assert files(store) == ["c.scores.arrow", "state-newer.signatures.arrow"]


def test_a_full_disk_takes_the_oldest_columns_and_loses_no_answer(tmp_path, monkeypatch, caplog):
    store = Store(tmp_path / "answers.sqlite")
    keep(store, "starred", star=True)
    for key in ("old", "older"):
        keep(store, key)
    write = store._files.write
    monkeypatch.setattr(store._files, "write", full_until(write, lambda: "old.scores.arrow" not in files(store)))
    keep(store, "new")
    assert store.table("new", "scores").num_rows == 1000 and store.find("old").bytes == 0
    assert (
        store.find("starred").bytes > 0 and "the disk is full; the scores of older answers were removed" in caplog.text
    )


def test_a_disk_that_stays_full_is_said_and_nothing_half_written_stays(tmp_path, monkeypatch):
    store = Store(tmp_path / "answers.sqlite")
    keep(store, "starred", star=True)
    before = files(store)
    monkeypatch.setattr(store._files, "write", full_until(store._files.write, lambda: False))
    with pytest.raises(FileError, match=FULL):
        keep(store, "new")
    store.add("starred", "classes", pa.table({"class": ["x"]}))  # shown all the same, but not kept
    assert files(store) == before and store.find("new") is None and store.table("starred", "classes") is None


def test_other_reasons_remove_no_answer(tmp_path, monkeypatch):
    store = Store(tmp_path / "answers.sqlite")
    keep(store, "old")
    monkeypatch.setattr(store._files, "write", full_until(store._files.write, lambda: False, "Permission denied"))
    with pytest.raises(FileError, match="Permission denied"):
        keep(store, "new")
    assert store.find("old").bytes > 0


def full_until(write, is_free, reason=FULL):
    def written(*arguments):
        if not is_free():
            raise FileError(f"x: cannot be written ({reason}); check the folder and the free space")
        return write(*arguments)

    return written


def test_columns_that_come_late_are_not_kept_for_an_answer_that_was_removed(tmp_path):
    store = Store(tmp_path / "answers.sqlite", most_bytes=9000)
    keep(store, "one")
    keep(store, "two")
    assert store.find("one").bytes == 0
    store.add("one", "classes", pa.table({"class": ["x"]}))
    assert store.find("one").bytes == 0 and store.table("one", "classes") is None
    for _ in range(2):
        store.add("two", "classes", pa.table({"class": ["x"]}))
    sizes = [path.stat().st_size for path in store.folder.iterdir() if path.name.startswith("two.")]
    assert store.find("two").bytes == sum(sizes) and len(sizes) == 2


def test_two_servers_on_one_store(tmp_path):
    """What one keeps the other reads; columns that one removed are gone for the other."""
    stores = [Store(tmp_path / "answers.sqlite") for _ in range(2)]
    threads = [threading.Thread(target=lambda store=store, name=name: [keep(store, f"{name}{n}") for n in range(20)])
               for name, store in zip("ab", stores, strict=True)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        assert store.history()[0] == 40 and all(store.table(f"{name}{n}", "scores") for name in "ab" for n in range(20))
    assert stores[0].delete("b3") and stores[1].find("b3") is None and stores[1].table("b3", "scores") is None


def test_files_that_nothing_knows_of_go_after_a_day(tmp_path):
    store = Store(tmp_path / "answers.sqlite")
    keep(store, "one")
    store.close()
    for name, age in (("killed.scores.arrow", 90_000), (".x.arrow.1.part.arrow", 90_000), ("young.scores.arrow", 60)):
        (store.folder / name).write_bytes(b"x")
        os.utime(store.folder / name, (time.time() - age,) * 2)
    assert files(Store(tmp_path / "answers.sqlite")) == [
        "one.scores.arrow",
        "state-state.signatures.arrow",
        "young.scores.arrow",
    ]


@pytest.mark.parametrize("limit", ["MOST_QUESTIONS", "MOST_TEXT"])
def test_states_go_with_questions_that_are_too_many_or_too_long(tmp_path, monkeypatch, limit):
    from beadwork.serve import store as module

    monkeypatch.setattr(module, "MOST_QUESTIONS", 2 if limit == "MOST_QUESTIONS" else 100)
    store = Store(tmp_path / "answers.sqlite")
    if limit == "MOST_TEXT":
        store.most_text = 30  # letters of two questions
    keep(store, "a", state="first")
    for key in "bcd":
        keep(store, key, state="second")
    assert store.find("a") is None and store.signatures("first") is None, "nothing is left that it belongs to"
    assert store.signatures("second") is not None
    assert files(store) == ["c.scores.arrow", "d.scores.arrow", "state-second.signatures.arrow"]
