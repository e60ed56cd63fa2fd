"""``beadwork index``: build, extend, inspect and verify a connectivity index."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beadwork.cli.options import FILE, common_options, log_option, params_options, qc_option, write_qc
from beadwork.model.errors import counted
from beadwork.model.params import IndexParams, MapParams

if TYPE_CHECKING:
    import pandas as pd

_SIGINFO = click.option(
    "--siginfo",
    type=FILE,
    multiple=True,
    metavar="TSV",
    help="Table with a row per signature (sig_id, pert_id, pert_type, cell_id, ...), also gzipped; several are joined "
    "by sig_id. Without it the column annotation of the matrices is taken.",
)


@click.group("index")
def command() -> None:
    """Build, extend, inspect and verify a connectivity index.

    An index is a folder; `beadwork query` asks it.
    """


@command.command("build")
@click.argument("index", metavar="INDEX", type=FILE)
@click.argument("matrices", metavar="MODZ...", type=FILE, nargs=-1, required=True)
@_SIGINFO
@click.option("--overwrite", is_flag=True, help="Replace an index that is there.")
@params_options(IndexParams)
@common_options
def build(
    index: Path,
    matrices: tuple[Path, ...],
    siginfo: tuple[Path, ...],
    overwrite: bool,
    params: IndexParams,
    threads: int,
    qc: Path | None,
) -> None:
    """Make INDEX of the signatures in one or more MODZ matrices of the same genes.

    Matrices are read in portions, so they may be larger than memory. INDEX appears when it is complete.
    """
    from beadwork.api.index.writing.build import build_index

    store = build_index(
        index, matrices, siginfo or None, params=params, overwrite=overwrite, threads=threads, progress=_progress()
    )
    _said(store.path, store.n_signatures, store.n_genes, store.background)
    _write_qc(index, qc)


@command.command("append")
@click.argument("index", metavar="INDEX", type=FILE)
@click.argument("matrices", metavar="MODZ...", type=FILE, nargs=-1, required=True)
@_SIGINFO
@common_options
def append(index: Path, matrices: tuple[Path, ...], siginfo: tuple[Path, ...], threads: int, qc: Path | None) -> None:
    """Add the signatures of further MODZ matrices to INDEX.

    Nothing that is there is rewritten: the cost depends on what is added. If it fails, or is killed, INDEX is what it
    was; others may query it meanwhile.
    """
    from beadwork.api.index.writing.append import append_index

    store = append_index(index, matrices, siginfo or None, threads=threads, progress=_progress())
    _said(store.path, store.n_signatures, store.n_genes, store.background)
    _write_qc(index, qc)


@command.command("sync")
@click.argument("index", metavar="INDEX", type=FILE)
@click.argument("matrices", metavar="MODZ...", type=FILE, nargs=-1, required=True)
@_SIGINFO
@click.option(
    "--on-upgrade", type=click.Choice(["keep", "rerun"]), default="rerun", show_default=True,
    envvar="BEADWORK_ON_UPGRADE",
    help="What becomes of an INDEX of a version whose bytes differ from those of this one.",
)  # fmt: skip
@params_options(IndexParams)
@common_options
def sync(
    index: Path, matrices: tuple[Path, ...], siginfo: tuple[Path, ...], on_upgrade: str, params: IndexParams,
    threads: int, qc: Path | None,
) -> None:  # fmt: skip
    """Make INDEX hold just the signatures of these MODZ matrices; parts that did not change are kept.

    What a new batch costs depends on the batch. The background of tau stays as it was learned, until INDEX is built
    anew: where it does not exist, its parameters differ, or none of its parts can be kept.
    """
    from beadwork.api.index.writing.sync import sync_index
    from beadwork.cli.options import log

    store, report = sync_index(
        index, matrices, siginfo or None, params=params, threads=threads, keep_older=on_upgrade == "keep",
        progress=_progress(),
    )  # fmt: skip
    _said(store.path, store.n_signatures, store.n_genes, store.background)
    log.info(
        "%s: %s%d matrices added; segments: %d kept, %d annotated anew, %d dropped", index,
        "built anew; " if report.rebuilt else "", report.added, len(report.kept), len(report.annotated),
        len(report.dropped),
    )  # fmt: skip
    _write_qc(index, qc)


@command.command("background")
@click.argument("index", metavar="INDEX", type=FILE)
@click.option(
    "--up",
    type=FILE,
    multiple=True,
    metavar="GMT",
    help="Learn it from these gene sets (and --down) instead of signatures of INDEX; 50 or more are needed.",
)
@click.option("--down", type=FILE, multiple=True, metavar="GMT", help="Their partners that go down.")
@params_options(IndexParams)
@common_options
def background(
    index: Path, up: tuple[Path, ...], down: tuple[Path, ...], params: IndexParams, threads: int, qc: Path | None
) -> None:  # fmt: skip
    """Learn the background of tau anew from all signatures that are in INDEX now, or from given gene sets.

    An append keeps the background as it was learned; do this when much was added. --space has no effect here.
    """
    from beadwork.api.index.opened import ConnectivityIndex, load_queries
    from beadwork.api.index.writing.background import relearn_background

    opened = ConnectivityIndex.open(index)
    queries = opened.map_queries(load_queries(up, down, identify=opened.finder.keys)) if up or down else []
    store = relearn_background(
        index, params=params, queries=queries, mapped_on=opened.store, threads=threads, progress=_progress()
    )
    _said(store.path, store.n_signatures, store.n_genes, store.background)
    _write_qc(index, qc)


@command.command("annotate")
@click.argument("index", metavar="INDEX", type=FILE)
@click.option("--compounds", type=FILE, multiple=True, metavar="T", help="Table of compounds: pert_id or pert_iname, "
              "with moa, target, clinical_phase, inchi_key, canonical_smiles, pubchem_cid, chembl_id ...")  # fmt: skip
@click.option("--repurposing", type=FILE, multiple=True, metavar="T", help="Your copy of the Repurposing Hub's table "
              "of drugs, and of samples (non-commercial use).")  # fmt: skip
@click.option("--cells", type=FILE, multiple=True, metavar="T", help="Table of cells: cell_id, cell_lineage ...")
@click.option("--unmatched", type=FILE, metavar="TSV", help="Write what was not found here.")
@qc_option
@log_option
def annotate(
    index: Path,
    compounds: tuple[Path, ...],
    repurposing: tuple[Path, ...],
    cells: tuple[Path, ...],
    unmatched: Path | None,
    qc: Path | None,
) -> None:
    """Join what is known of compounds and cells to INDEX, without touching its scores.

    A compound is found by its id, else by its name. What was joined stands beside the names in tables and pages, and
    --where takes it.
    """
    from beadwork.api.library.annotate_index import annotate_index

    reports = annotate_index(index, compounds=(*compounds, *repurposing), cells=cells)
    for report in reports:
        click.echo(str(report))
    if unmatched is not None:
        import pandas as pd

        from beadwork.io.files.tables import write_table

        rows = [(report.what, *row) for report in reports for row in report.unmatched]
        write_table(pd.DataFrame(rows, columns=["kind", "id", "name", "n_signatures"]), unmatched)
    _write_qc(index, qc)


@command.command("layout")
@click.argument("index", metavar="INDEX", type=FILE)
@params_options(MapParams)
@log_option
def layout(index: Path, params: MapParams) -> None:
    """Lay the signatures of INDEX out on a map, which `beadwork serve` shows: alike ones stand near each other.

    The map is a file of INDEX, map.npz; scores and annotation are not touched. Lay out anew when signatures were added.
    """
    from beadwork.api.index.map_positions import map_signatures
    from beadwork.api.index.opened import ConnectivityIndex

    opened = ConnectivityIndex.open(index)
    path = map_signatures(opened, params, progress=_progress())
    click.echo(
        f"{path}: {counted(len(opened), 'signature')}; method t-SNE of {min(len(opened), params.landmarks):,} landmarks"
    )


@command.command("info")
@click.argument("index", metavar="INDEX", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@qc_option
@log_option
def info(index: Path, as_json: bool, qc: Path | None) -> None:
    """Say what is in INDEX."""
    from beadwork.api import ConnectivityIndex

    facts = ConnectivityIndex.open(index).info()
    if as_json:
        import json

        click.echo(json.dumps(facts, indent=1))
    else:
        print_facts(facts)
    _write_qc(index, qc)


@command.command("verify")
@click.argument("index", metavar="INDEX", type=FILE)
@click.option("--quick", is_flag=True, help="Check sizes and checksums only; do not recompute the ranks.")
@common_options
def verify(index: Path, quick: bool, threads: int, qc: Path | None) -> None:
    """Check every file of INDEX against its checksum, and every rank against the scores; exit 2 if one is wrong."""
    from beadwork.api.index.writing.build import verify_index
    from beadwork.model.errors import IndexStoreError

    faults, remarks = verify_index(index, quick=quick, threads=threads, progress=_progress())
    for remark in remarks:
        click.echo(f"remark: {remark}")
    if faults:
        raise IndexStoreError(f"{index}: {counted(len(faults), 'fault')}: {'; '.join(faults[:20])}")
    click.echo(f"{index}: sound")
    _write_qc(index, qc)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print facts about an index, one per line."""
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        shown = f"{value:,}" if isinstance(value, int) else "none of LM, BING, AIG" if value is None else value
        click.echo(f"{name.replace('_', ' '):<{width}}  {shown}")


def _progress() -> Callable[[str], None]:
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def _said(path: Path, n_signatures: int, n_genes: int, background: object) -> None:
    from collections.abc import Mapping

    from beadwork.cli.options import log

    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    size = background["n_queries"] if isinstance(background, Mapping) else 0
    log.info("%s: %d signatures x %d genes, background of %d queries", path, n_signatures, n_genes, size)


def _write_qc(index: Path, path: Path | None) -> None:
    """QC rows of an index: what it holds, and what is too small in it."""
    if path is not None:
        write_qc(index_qc(index), path)


def index_qc(index: Path) -> pd.DataFrame:
    """QC rows of an index."""
    from beadwork.api import ConnectivityIndex
    from beadwork.model.params import QueryParams
    from beadwork.model.qc import join_qc, qc_rows

    facts, params = ConnectivityIndex.open(index).info(), QueryParams()
    name = index.name
    return join_qc(
        [
            qc_rows("index", "n_signatures", {name: facts["signatures"]}, lower=1),
            qc_rows("index", "n_null", {name: facts["null_signatures"]}, lower=2 * params.min_null),
            qc_rows("index", "n_background", {name: facts["background_queries"]}, lower=params.min_background),
        ]
    )
