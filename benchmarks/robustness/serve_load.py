"""Load on `beadwork serve`: many clients who ask at a time, for minutes, while the index is appended to and rebuilt.

    python benchmarks/robustness/serve_load.py INDEX [--clients 1,8,32] [--seconds 60] [--soak MINUTES] [--append]

Each client asks with genes of its own (150 up, 150 down), waits for the answer, and takes a page of perturbagens.
Answers a second, times from question to page (median, 99 %), refusals, failures, CPU seconds an answer and memory of
the server are printed as JSON, for docs/validation/reliability.md.  With --append a copy of INDEX is asked, which is
appended to every 20 s and whose background is learned anew once; each answer must be wholly of one state: its
signatures are counted.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

SET = 150


class Connection:
    """A connection that is used again, which is also what browsers do; opened anew where the server has closed it."""

    def __init__(self, site: str) -> None:
        self.host = site.split("://")[1]
        self.open: http.client.HTTPConnection | None = None

    def call(self, path: str, body: dict | None = None) -> tuple[int, dict]:
        """Status and content of a request."""
        data = None if body is None else json.dumps(body).encode()
        for _ in range(2):
            fresh = self.open is None
            if self.open is None:
                self.open = http.client.HTTPConnection(self.host, timeout=120)
            try:
                self.open.request("GET" if data is None else "POST", path, data, {"Content-Type": "application/json"})
                answer = self.open.getresponse()
                return answer.status, json.loads(answer.read())
            except (OSError, http.client.HTTPException) as error:
                self.open.close()
                self.open, words = None, str(error)
                if fresh:
                    break  # a connection that was closed is a lost answer
        return 599, {"words": words}


class Client(threading.Thread):
    """One client; it asks until the time is over."""

    def __init__(self, site: str, genes: list[str], seed: int, stop: float) -> None:
        super().__init__(daemon=True)
        self.connection, self.genes, self.stop = Connection(site), genes, stop
        self.rng = np.random.default_rng(seed)
        self.times: list[float] = []
        self.refused = self.failed = 0
        self.mixed: list[str] = []
        self.sizes: dict[str, set[int]] = {}

    def run(self) -> None:
        """Ask one question after the other."""
        call = self.connection.call
        while time.monotonic() < self.stop:
            chosen = [self.genes[row] for row in self.rng.permutation(len(self.genes))[: 2 * SET]]
            start = time.monotonic()
            status, state = call("/api/queries", {"up": chosen[:SET], "down": chosen[SET:]})
            if status == 429:
                self.refused += 1
                time.sleep(0.5)
                continue
            while status < 400 and state["status"] in ("waiting", "running"):
                status, state = call(f"/api/queries/{state['id']}?wait=25")
            if status >= 400 or state["status"] != "done":
                self.failed += 1
                print(state, file=sys.stderr)
                continue
            status, page = call(f"/api/queries/{state['id']}/perts?limit=50")
            if status >= 400:
                self.failed += 1
                print(page, file=sys.stderr)
                continue
            if page["state"] != state["state"]:
                self.mixed.append(state["id"])
            self.sizes.setdefault(state["state"], set()).add(state["counts"]["n_signatures"])
            self.times.append(time.monotonic() - start)


def memory(process: int) -> float:
    """Resident memory that is not backed by files, MB."""
    return int(Path(f"/proc/{process}/status").read_text().split("RssAnon:")[1].split()[0]) / 1024


def cpu(process: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(site: str, process: int, genes: list[str], clients: int, seconds: float) -> dict:
    """Ask with some clients for some time."""
    stop, used = time.monotonic() + seconds, cpu(process)
    threads = [Client(site, genes, 1000 * clients + number, stop) for number in range(clients)]
    begun, over_time = time.monotonic(), [(0.0, memory(process))]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.2)
        over_time.append((time.monotonic() - begun, memory(process)))
    wall = time.monotonic() - begun
    thirds = [[mb for at, mb in over_time if wall * part <= at <= wall * (part + 0.1)] for part in (0, 0.3, 0.6, 0.9)]
    times = sorted(item for thread in threads for item in thread.times)
    sizes: dict[str, set[int]] = {}
    for thread in threads:
        for state, counts in thread.sizes.items():
            sizes.setdefault(state, set()).update(counts)
    return {
        "clients": clients, "seconds": round(wall, 1), "answers": len(times),
        "answers_a_second": round(len(times) / wall, 2),
        "p50": round(statistics.median(times), 2) if times else None,
        "p99": round(times[min(len(times) - 1, int(0.99 * len(times)))], 2) if times else None,
        "refused": sum(thread.refused for thread in threads), "failed": sum(thread.failed for thread in threads),
        "cpu_an_answer": round((cpu(process) - used) / max(1, len(times)), 3),
        "peak_mb": round(max(mb for _, mb in over_time)),
        "mb_at_0_30_60_90_percent": [round(statistics.mean(part)) if part else None for part in thirds],
        "states": len(sizes),
        "mixed": sum(len(thread.mixed) for thread in threads) + sum(len(counts) > 1 for counts in sizes.values()),
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def change(index: Path, stop: threading.Event, done: list[str]) -> None:
    """Append to an index every 20 s, and learn its background anew once."""
    import pandas as pd

    from beadwork.api import ConnectivityIndex
    from beadwork.io.files.tables import write_table
    from beadwork.io.matrix.formats import write_matrix
    from beadwork.model.matrix import Level, Matrix

    number = 0
    while not stop.wait(20):
        number += 1
        opened = ConnectivityIndex.open(index, threads=1)
        genes = opened.genes
        rng = np.random.default_rng(number)
        ids = [f"NEW{number:03d}_A375_24H:BRD-K{row:03d}:10" for row in range(50)]
        values = rng.standard_normal((len(genes), 50)).astype(np.float32)
        rows = pd.DataFrame({"pr_gene_symbol": genes["symbol"].to_numpy()}, index=genes["gene_id"].to_numpy(object))
        cols = pd.DataFrame(index=pd.Index(ids, dtype=object))
        with tempfile.TemporaryDirectory() as folder:
            write_matrix(
                Matrix(values, rows, cols, level=Level.MODZ, space=opened.store.space), Path(folder) / "a.gctx"
            )
            info = pd.DataFrame({"sig_id": ids, "pert_id": [item.split(":")[1] for item in ids], "pert_type": "trt_cp",
                                 "cell_id": "A375"})  # fmt: skip
            write_table(info, Path(folder) / "a.tsv")
            opened.append(Path(folder) / "a.gctx", Path(folder) / "a.tsv")
        done.append("append")
        if number == 2:
            ConnectivityIndex.open(index, threads=1).learn_background()
            done.append("background")


def main() -> None:
    """Run the load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--clients", default="1,8,32")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--soak", type=float, default=0, metavar="MINUTES", help="then so long with the last number")
    parser.add_argument("--append", action="store_true", help="change a copy of the index meanwhile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="beadwork-load-") as folder:
        index = options.index
        if options.append:
            index = Path(folder) / "index"
            shutil.copytree(options.index, index)
        server = subprocess.Popen(
            [sys.executable, "-m", "beadwork", "serve", str(index), "--port", "0", "--store",
             str(Path(folder) / "answers.sqlite")], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert server.stdout is not None
            site = server.stdout.readline().split(" is at ")[1].split()[0].rstrip("/")
            while Connection(site).call("/api/index")[0] != 200:
                time.sleep(0.1)
            from beadwork.api import ConnectivityIndex

            genes = ConnectivityIndex.open(index).store.gene_ids
            counts = [int(item) for item in options.clients.split(",")]
            load(site, server.pid, genes, 2, 3)  # files come into memory
            stop, done = threading.Event(), []
            if options.append:
                threading.Thread(target=change, args=(index, stop, done), daemon=True).start()
            for clients in counts:
                print(json.dumps(load(site, server.pid, genes, clients, options.seconds)), flush=True)
            if options.soak:
                found = load(site, server.pid, genes, counts[-1], 60 * options.soak)
                print(json.dumps({"soak": True, **found, "changes": len(done)}), flush=True)
            stop.set()
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    main()
