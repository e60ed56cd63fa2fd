"""Files before they are asked with: sets, signatures of tables, and groups of samples that are compared."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from beadwork.api.index.asking.query_inputs import read_sets_text, read_signature_text, read_table_text
from beadwork.api.index.opened import ConnectivityIndex
from beadwork.model.connectivity.query import Answer as GeneVerdict
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import BeadworkError
from beadwork.model.params import SignatureParams
from beadwork.serve.parameters import refuse_unknown_fields
from beadwork.serve.questions import MOST_BYTES
from beadwork.serve.refusals import RefusedError
from beadwork.serve.routes.genes import VERDICTS
from beadwork.serve.service import Service
from beadwork.serve.upload.apart import EndedError, LeftError, OverError

MOST_VALUES = 256 << 20
"""Bytes of a file of values of samples; lists and tables are MOST_BYTES at most."""
MATRICES = (".h5ad", ".gct", ".gctx", ".parquet", ".npz")
NAME_BYTES = 100
"""End of a long name that is kept, as file systems have limits."""
_OF_SETS = ("gmt", "gmx")
PREVIEW = 10
MOST_SETS, MOST_LISTED, MOST_LEVELS = 200, 20, 100
"""Sets, signatures and groups of one file that are given; counts say how many there are."""
_OPTIONS = ("case", "control", "groupby", "sample", "covariate", "layer", "values", "gene-column", "value-column",
            "p-column", "max-padj", "design", "up", "down")  # fmt: skip
_OF_GROUPS = ("case", "control", "sample", "covariate", "layer", "values")
_OF_TABLES = ("gene_column", "value_column", "p_column", "by_column")
_ELSEWHERE = "`beadwork signature` has no such limit, and the table it writes can be asked with"
MOST_SECONDS = 100.0
"""Time that a comparison may take; the server closes a connection somewhat later."""


class Choice(BaseModel):
    """What is chosen of a file: columns of a table, or groups of samples."""

    gene_column: str = ""
    value_column: str = ""
    p_column: str = ""
    groupby: str = ""
    case: str = ""
    control: str = ""
    sample: str = ""
    covariate: str = ""
    layer: str = ""
    values: Literal["auto", "counts", "log", "linear"] = "auto"
    by_column: bool = False


def routes(service: Service) -> APIRouter:
    """Route of files."""
    router = APIRouter(prefix="/api", tags=["genes"])

    @router.post(
        "/signature", summary="What a file holds: gene sets, a signature, or values of samples to compare",
        dependencies=[Depends(refuse_unknown_fields)],
    )  # fmt: skip
    async def post_signature(
        request: Request,
        file: UploadFile = File(description="GMT, GMX, GRP, a list, a table, or values of samples (h5ad, GCT ...)"),  # noqa: B008
        design: Annotated[UploadFile | None, File(description="table of the samples, a row each")] = None,
        gene_column: Annotated[str, Form(max_length=200, description="of a table: column that names the genes")] = "",
        value_column: Annotated[str, Form(max_length=200, description="of a table: column that ranks the genes")] = "",
        p_column: Annotated[
            str,
            Form(max_length=200, description="of a table: column of p-values to rank by, with the sign of the value"),
        ] = "",
        groupby: Annotated[str, Form(max_length=200, description="values of samples: field of their group")] = "",
        case: Annotated[str, Form(max_length=200, description="group that is compared; empty: every other one")] = "",
        control: Annotated[str, Form(max_length=200, description="group to compare with, or rest")] = "",
        sample: Annotated[str, Form(max_length=200, description="field that says of which sample a cell is")] = "",
        covariate: Annotated[str, Form(max_length=200, description="what else differs between samples")] = "",
        layer: Annotated[str, Form(max_length=200, description="of h5ad: layer to read instead of X")] = "",
        values: Annotated[Literal["auto", "counts", "log", "linear"], Form(description="what the values are")] = "auto",
        by_column: Annotated[bool, Form(description="take each column of a matrix as a signature")] = False,
    ) -> dict[str, Any]:
        choice = Choice(
            gene_column=gene_column, value_column=value_column, p_column=p_column, groupby=groupby, case=case,
            control=control, sample=sample, covariate=covariate, layer=layer, values=values, by_column=by_column,
        )  # fmt: skip
        async with leaving(request) as left:
            return await run_in_threadpool(read_file, service, file, design, choice, left)

    return router


@asynccontextmanager
async def leaving(request: Request) -> AsyncIterator[threading.Event]:
    """Event that is set when the client of a request, whose body has come, goes away."""
    left = threading.Event()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        left.set()

    watching = asyncio.create_task(watch())
    try:
        yield left
    finally:
        watching.cancel()


def read_file(
    service: Service, file: UploadFile, design: UploadFile | None, choice: Choice, left: threading.Event
) -> dict[str, Any]:
    """Say what a file holds, or compare its groups of samples.

    Raises
    ------
    RefusedError
        It cannot be read, is too large, or what is chosen does not go together.
    """
    name, index = plain_name(file.filename or ""), service.states.current.index
    _check_choice(choice, design)
    if choice.groupby:
        with _kept(name, file.file) as path, _named(path, name), _design(design, path) as samples:
            return _contrasts(service, index, path, name, choice, samples, left)
    found = None
    if (is_matrix(name) or design is not None) and not choice.by_column:
        with _kept(name, file.file) as path, _named(path, name), _design(design, path) as samples:
            found, size = _fields(path, name, samples), path.stat().st_size
        if found and (size > MOST_BYTES or design is not None or not _may_hold_signatures(name)):
            return found
        file.file.seek(0)
    raw = _content(file.file, name, "file")
    return {**_preview(service, index, name, raw, choice), "samples": found}


def _check_choice(choice: Choice, design: UploadFile | None) -> None:
    """Refuse what would be passed over beside the rest of a choice."""
    given = choice.model_dump(exclude_defaults=True)
    if not choice.groupby and (lost := [name for name in _OF_GROUPS if name in given]):
        raise RefusedError(f"{lost[0]} needs groupby, the field that names the groups of samples", field=lost[0])
    if choice.groupby and (lost := [name for name in _OF_TABLES if name in given]):
        raise RefusedError(f"{lost[0]} is of tables; with groupby, groups of samples are compared", field=lost[0])
    if choice.by_column and design is not None and design.filename:
        words = "design gives groups of samples, by_column takes each sample by itself; choose one of them"
        raise RefusedError(words, field="design")


def plain_name(name: str) -> str:
    """Name of a file as a client gives it, without folders and without what a file system may take amiss."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = re.sub(r"[^\w. +-]", "_", last).encode()[-NAME_BYTES:].decode(errors="ignore")
    return plain.lstrip(". ") or "signature.txt"


def is_matrix(name: str) -> bool:
    """Whether a file of this name may hold values of samples with fields."""
    return name.lower().removesuffix(".gz").endswith(MATRICES)


def _may_hold_signatures(name: str) -> bool:
    """Whether the columns of a matrix of this name are signatures rather than samples, unless said otherwise."""
    return name.lower().removesuffix(".gz").endswith((".gct", ".gctx", ".parquet"))


@contextmanager
def _kept(name: str, file: BinaryIO) -> Iterator[Path]:
    """Keep what was sent in a folder of its own while it is read."""
    with tempfile.TemporaryDirectory(prefix="beadwork-") as folder:
        path = Path(folder) / name
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
        yield path


@contextmanager
def _design(file: UploadFile | None, beside: Path) -> Iterator[Path | None]:
    if file is None or not file.filename:
        yield None
        return
    name = plain_name(file.filename)
    path = beside.with_name(f"samples-{name}")
    path.write_bytes(_content(file.file, name, "design"))
    yield path


def _content(file: BinaryIO, name: str, field: str) -> bytes:
    """Whole content of a list or table, if it is not too large."""
    raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise RefusedError(f"{name}: more than {MOST_BYTES:,} bytes", 413, "too_large", field)
    return raw


@contextmanager
def _named(path: Path, name: str) -> Iterator[None]:
    """Say what is wrong by the name that the file was sent with, and without the marks of a command."""
    try:
        yield
    except RefusedError:
        raise
    except BeadworkError as error:
        words = str(error).replace(str(path), name).replace(f"{path.parent}/samples-", "")
        raise RefusedError(_plain_words(words), field="groupby") from None


def _plain_words(words: str) -> str:
    for option in _OPTIONS:
        words = words.replace(f"--{option}", option.replace("-", "_"))
    return words


def _fields(path: Path, name: str, design: Path | None) -> dict[str, Any] | None:
    """Fields of samples and their groups; None where there are none, so that each column is a signature of its own."""
    from beadwork.api.signature.values import read_sample_fields

    try:
        found = read_sample_fields(path, design)
    except BeadworkError:
        if design is None and _may_hold_signatures(name):
            return None  # reading its columns as signatures says what is wrong
        raise
    if not found.levels:
        return None
    fields = [
        {"name": field, "n_levels": len(levels),
         "levels": [{"name": level, "n": count} for level, count in list(levels.items())[:MOST_LEVELS]]}
        for field, levels in found.levels.items()
    ]  # fmt: skip
    return {"kind": "values", "file": name, "n_samples": found.n_samples, "n_genes": found.n_genes,
            "layers": list(found.layers), "fields": fields}  # fmt: skip


def _contrasts(
    service: Service, index: ConnectivityIndex, path: Path, name: str, choice: Choice, design: Path | None,
    left: threading.Event,
) -> dict[str, Any]:  # fmt: skip
    """Compare groups of samples, as `beadwork signature` does; each comparison is kept under a token."""
    from beadwork.api.signature.make import compare_groups, judge_signature

    try:
        made, skipped, count = service.apart.run(
            MOST_SECONDS, left, compare_groups, path, choice.groupby, [choice.case] if choice.case else [],
            [choice.control] if choice.control else [], MOST_LISTED, sample=choice.sample or None,
            covariates=[choice.covariate] if choice.covariate else [], design=design, layer=choice.layer or None,
            kind=None if choice.values == "auto" else choice.values,
        )  # fmt: skip
    except OverError:
        raise RefusedError(f"comparing the groups takes more than {MOST_SECONDS:g} s here; {_ELSEWHERE}", 503, "slow",
                           "groupby") from None  # fmt: skip
    except EndedError:
        words = f"comparing the groups ended early, as for lack of memory; {_ELSEWHERE}"
        raise RefusedError(words, 503, "ended", "groupby") from None
    except LeftError:
        raise RefusedError("the comparison was cancelled", 408, "cancelled") from None
    listed = []
    for signature in made:
        pairs = zip(signature.genes, signature.statistic.tolist(), strict=True)
        query = Query(signature.name, profile={gene: value for gene, value in pairs if value == value})
        notes = [_plain_words(note.replace(f"{path}: ", "")) for note in signature.notes]
        listed.append({**_listed(service, index, query), "columns": notes, "method": signature.method,
                       "warnings": judge_signature(signature, index.store.gene_ids), "n_case": signature.n_case,
                       "n_control": signature.n_control})  # fmt: skip
    notes = [f"{row['contrast']}: {row['reason']}" for row in skipped]
    if count > MOST_LISTED:
        notes.append(f"the first {MOST_LISTED} of {count} contrasts were made; choose a case for another")
    return _signatures_found(name, listed, count, notes)


def _preview(service: Service, index: ConnectivityIndex, name: str, raw: bytes, choice: Choice) -> dict[str, Any]:
    """Read a file: sets, or a signature that is kept under a token."""
    params = SignatureParams(gene_column=choice.gene_column or None, value_column=choice.value_column or None,
                             p_column=choice.p_column or None)  # fmt: skip
    chosen = any((choice.gene_column, choice.value_column, choice.p_column))
    table = _table(index, name, raw, params)
    by_name = not chosen and _ending(name) in (*_OF_SETS, "grp", "txt") and not _has_numbers(table)
    if by_name and (found := _sets(index, name, raw)):
        return found
    try:
        read = read_signature_text(name, raw, index.finder.keys, params)
    except BeadworkError as error:
        if table is None or not any(table["numeric"]):
            # a list, or columns of genes, whatever its name is
            if not (chosen or by_name) and (found := _sets(index, name, raw)):
                return found
            raise RefusedError(_plain_words(str(error)), field="file") from None
        return {"kind": "table", "file": name, "table": table, "reason": _plain_words(str(error))}
    listed = [
        {**_listed(service, index, query), "columns": list(query.notes), "warnings": _warnings(index, query)}
        for query in read.queries[:MOST_LISTED]
    ]
    notes = list(read.notes)
    if len(read.queries) > MOST_LISTED:
        notes.append(f"the first {MOST_LISTED} of {len(read.queries)} signatures are listed")
    return {**_signatures_found(name, listed, len(read.queries), notes), "table": table}


def _has_numbers(table: dict[str, Any] | None) -> bool:
    """Say whether a table names genes by words and has columns of numbers beside them, which are no ids of genes."""
    if table is None or not table["genes"] or any(table["numeric"][at] for at in table["genes"]):
        return False
    return bool(sum(table["numeric"]) >= max(2, len(table["numeric"]) - 2))


def _signatures_found(name: str, listed: list[dict[str, Any]], count: int, notes: Sequence[str]) -> dict[str, Any]:
    first = {key: listed[0][key] for key in ("token", "preview", "quality", "columns", "warnings")}
    return {"kind": "signature", "file": name, "queries": listed, "count": count, "notes": list(notes), **first}


def _listed(service: Service, index: ConnectivityIndex, query: Query) -> dict[str, Any]:
    profile = dict(query.profile or {})
    return {"name": query.name, "token": service.uploads.keep(profile), "genes": len(profile),
            "preview": _ends(index, query), "quality": _quality(index, query)}  # fmt: skip


def _table(index: ConnectivityIndex, name: str, raw: bytes, params: SignatureParams) -> dict[str, Any] | None:
    """Columns of a table and which are taken; None of a matrix."""
    if is_matrix(name):
        return None
    try:
        return read_table_text(name, raw, index.finder.keys, params)._asdict()
    except BeadworkError:
        return None  # reading it as a signature says why


def _ending(name: str) -> str:
    return name.lower().removesuffix(".gz").rsplit(".", 1)[-1]


def _sets(index: ConnectivityIndex, name: str, raw: bytes) -> dict[str, Any] | None:
    """Read the sets of a file of sets; None of others."""
    ending = _ending(name)
    try:
        found = read_sets_text(up=(name, raw), identify=index.finder.keys)
    except BeadworkError as error:
        if ending in _OF_SETS:
            raise RefusedError(str(error), field="file") from None
        return None
    if not _looks_like_sets(found.queries, index):
        return None
    listed = found.queries[:MOST_SETS]
    content = [{"name": query.name, "up": list(query.up), "down": list(query.down), "notes": list(query.notes)}
               for query in listed]  # fmt: skip
    notes = [*found.notes, *(f"{query.name}: {note}" for query in listed[:MOST_LISTED] for note in query.notes)]
    if len(found.queries) > MOST_SETS:
        notes.append(f"the first {MOST_SETS} of {len(found.queries)} queries are given")
    return {"kind": "sets", "file": name, "queries": content, "count": len(found.queries), "notes": notes,
            "quality": _quality(index, found.queries[0])}  # fmt: skip


def _looks_like_sets(queries: Sequence[Query], index: ConnectivityIndex) -> bool:
    genes = [gene for query in queries[:10] for gene in (*query.up, *query.down)][:500]
    used = sum(item.answer is not GeneVerdict.NO_GENE for item in index.finder.find(genes))
    return bool(genes) and used >= 0.3 * len(genes)


def _ends(index: ConnectivityIndex, query: Query) -> dict[str, list[dict[str, Any]]]:
    """Genes of both ends, with their symbols where they are known."""
    ordered = sorted((query.profile or {}).items(), key=lambda item: -item[1])
    ends = {"up": ordered[:PREVIEW], "down": ordered[::-1][:PREVIEW]}
    names = [gene for part in ends.values() for gene, _ in part]
    rows = {item.name: item.row for item in index.finder.find(names)}
    return {
        side: [
            {
                "gene": gene,
                "symbol": index.finder.name_of(rows[gene]) if rows.get(gene, -1) >= 0 else gene,
                "value": value,
            }
            for gene, value in part
        ]
        for side, part in ends.items()
    }


def _warnings(index: ConnectivityIndex, query: Query) -> list[str]:
    """Why the signature of a table should not be trusted."""
    from beadwork.api.signature.make import judge_signature, signature_of_table

    return judge_signature(signature_of_table(query), index.store.gene_ids)


def _quality(index: ConnectivityIndex, query: Query) -> dict[str, int]:
    names = list(query.profile) if query.profile else [*query.up, *query.down]
    found = index.finder.find(names[:70_000])
    return {"given": len(names), **{words: sum(item.answer is verdict for item in found)
                                    for verdict, words in VERDICTS.items()}}  # fmt: skip
