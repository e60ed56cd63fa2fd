"""What one answer of `beadwork serve` costs, step by step, within one process: CPU and wall milliseconds, medians.

    python benchmarks/speed/serve_answer.py INDEX [--answers 8]

Each answer has genes of its own (150 up, 150 down).  The steps of the second part are asked of one answer, as the page
does when it opens a table; the last one lays two answers side by side.  For docs/validation/scaling.md.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from beadwork.api import ConnectivityIndex
from beadwork.serve.answer.answers import HIDDEN, Answers, columns_of, facts_of
from beadwork.serve.answer.compare import compare
from beadwork.serve.answer.heat import heat_map
from beadwork.serve.answer.pages import View, page
from beadwork.serve.lookup.memory import limit_arenas
from beadwork.serve.lookup.states import States
from beadwork.serve.questions import Question, Uploads, understand
from beadwork.serve.store import Kept, Store

SET = 150


class Costs:
    """CPU and wall seconds by step."""

    def __init__(self) -> None:
        self.found: dict[str, list[tuple[float, float]]] = {}

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        """Measure a step."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.found.setdefault(step, []).append((time.process_time() - cpu, time.perf_counter() - wall))

    def show(self) -> None:
        """Print the medians, and begin anew."""
        for step, times in self.found.items():
            cpu, wall = (1000 * statistics.median(item[place] for item in times) for place in (0, 1))
            print(f"{step:12} {cpu:8.1f} CPU ms {wall:8.1f} ms")
        total = sum(statistics.median(item[0] for item in times) for times in self.found.values())
        print(f"{'all':12} {1000 * total:8.1f} CPU ms; load {os.getloadavg()[0]:.1f}\n", flush=True)
        self.found.clear()


def main() -> None:
    """Ask some questions, and open the tables of the last one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--answers", type=int, default=8)
    options = parser.parse_args()
    limit_arenas()
    index = ConnectivityIndex.open(options.index, threads=1)
    states, costs, rng = States(index), Costs(), np.random.default_rng(0)
    state, genes = states.current, index.store.gene_ids
    state.warm()
    for block in index.store.blocks:
        block.rank.max(), block.z.max()
    size = min(SET, len(genes) // 3)
    with tempfile.TemporaryDirectory(prefix="beadwork-answers-") as folder:
        store = Store(Path(folder) / "answers.sqlite")
        answers, keys = Answers(store, states), []
        for number in range(options.answers + 1):
            chosen = [genes[row] for row in rng.permutation(len(genes))[: 2 * size]]
            with costs.of("understand"):
                asked = understand(Question(up=chosen[:size], down=chosen[size:]), state, Uploads())
            with costs.of("WTCS"):
                wtcs = index.score([asked.query])
            with costs.of("NCS, tau, FDR"):
                result = index.answer([asked.query], asked.params, asked.where, threads=1, wtcs=wtcs)
            with costs.of("roll up"):
                rolled = result.roll_up(plan=state.plan, background=state.rolled_background(result.params))
            with costs.of("columns"):
                columns, facts = columns_of(asked, result, rolled), facts_of(asked, result, rolled, 0.1)
            with costs.of("keep"):
                store.put(Kept(asked.key, "q", asked.question, state.key, facts), columns, lambda: state.signatures)
            with costs.of("first page"):
                answer = answers.find(asked.key)
                table, rows = answer.table("perts"), answer.rows("perts", View())
                page(table, rows)
                answer.strips(table.take(rows[:50], [HIDDEN]).column(HIDDEN).to_numpy())
            keys.append(asked.key)
            if not number:
                costs.found.clear()
        costs.show()
        steps = {
            "signatures": lambda: page(answer.table("sigs"), answer.rows("sigs", View())),
            "sorted": lambda: answer.rows("sigs", View(sort="-tas")),
            "classes": lambda: answer.table("classes"),
            "heat map": lambda: heat_map(answer, View(), 60, "cell_id", True),
            "compare": lambda: compare([answers.find(key) for key in keys[-2:]], "sigs", 100),
        }
        for step, do in steps.items():
            with costs.of(step):
                do()
        costs.show()


if __name__ == "__main__":
    main()
