"""The page pairs sets by their names as the library does."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from beadwork.io.connectivity.gene_sets import pair_sets
from beadwork.model.connectivity.query import GeneSet

FILES = Path(__file__).parents[3] / "web" / "src" / "ask" / "files.js"
NAMES = [
    ["X_DN"], ["x dn"], ["X.Down"], ["X (down)"], ["X:DWN", "Y"], ["X_UP"], ["X-up", "X-dn"], ["DN", "UP"], ["down"],
    ["p53up", "p53dn"], ["p53dn"], ["knockdown", "GROUP", "backup"], ["X", "X_DN"], ["A_DN", "B_UP"],
    ["A_UP", "A_DN", "LONE_DN", "C"], ["follow-up"], ["a(up)", "a(dn)"], ["x__up", "x__down"],
    ["up_genes", "down_genes"], ["x_upregulated", "x down-regulated genes"], ["up_x", "down_x"], ["Down syndrome", "X"],
    ["down_x", "up_y"], ["UP in x", "Down in X"], ["x_up_set", "x_dn_list"], ["up_x_dn", "down_x"],
]  # fmt: skip


def test_sides_of_names_are_those_of_the_library():
    if not FILES.is_file() or (node := shutil.which("node")) is None:
        pytest.skip("the sources of the page, or node, are not there")
    script = f"""import {{ pairSets }} from {json.dumps(FILES.as_uri())};
        const all = {json.dumps(NAMES)}.map((names) => pairSets(names.map((name) => ({{ name, genes: [name] }}))));
        console.log(JSON.stringify(all));"""
    run = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    for names, found in zip(NAMES, json.loads(run.stdout), strict=True):
        own = pair_sets([GeneSet(name, (name,)) for name in names])
        assert [(one["name"], one["up"], one["down"]) for one in found] == [
            (query.name, list(query.up), list(query.down)) for query in own
        ], names
