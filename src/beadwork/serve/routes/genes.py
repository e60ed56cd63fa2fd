"""Genes and signatures before a question is asked: what is used, what is not, what a file holds."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from beadwork.api.index.asking.query_inputs import read_sets_text, read_signature_text
from beadwork.api.index.opened import ConnectivityIndex
from beadwork.model.connectivity.query import Answer as GeneVerdict
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import BeadworkError
from beadwork.serve.questions import MOST_BYTES, MOST_GENES
from beadwork.serve.refusals import RefusedError
from beadwork.serve.service import Service

MOST_CHECKED = 2 * MOST_GENES
PREVIEW = 10
MOST_SETS, MOST_LISTED = 100, 20
"""Sets, and signatures, of one file that are given; the count says how many there are."""
_SEPARATORS = re.compile(r"[\s,;]+")
_SUGGESTED = re.compile(r"(?:did you mean|perhaps) ([^?;]+)")
VERDICTS = {GeneVerdict.USED: "used", GeneVerdict.NOT_IN_INDEX: "not here", GeneVerdict.NO_GENE: "unknown"}


class GeneText(BaseModel):
    """Genes as they were typed or pasted."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field("", max_length=1 << 18, description="names, by blanks, commas, semicolons or lines")
    genes: list[str] = Field(default_factory=list, max_length=MOST_CHECKED, description="or as a list")


class CheckedGene(BaseModel):
    """What the index makes of one name."""

    given: str
    verdict: str = Field(description="used; not here: a gene, but not in this index; unknown: not a gene")
    symbol: str | None
    entrez: str | None
    kind: str = Field(description="how it is named: symbol, alias, Ensembl id ...")
    suggest: list[str] = Field(description="genes of the index that it may mean")
    why: str = Field(description="why it is not used")
    repeated: bool = Field(description="whether the same gene stands before it")


class CheckedGenes(BaseModel):
    """All names, in order, and how many of each verdict."""

    genes: list[CheckedGene]
    counts: dict[str, int]
    notes: list[str]
    state: str


def routes(service: Service) -> APIRouter:
    """Routes of genes and files."""
    router = APIRouter(prefix="/api", tags=["genes"])
    states = service.states

    @router.post("/genes/check", summary="What the index makes of each gene")
    def check_genes(given: GeneText) -> CheckedGenes:
        names = [*given.genes, *(part for part in _SEPARATORS.split(given.text) if part)]
        if len(names) > MOST_CHECKED:
            raise RefusedError(f"{len(names):,} names; {MOST_CHECKED:,} at a time", 413, "too_large", "text")
        state = states.current
        found = checked(state.index, names)
        counts = {verdict: sum(item.verdict == verdict for item in found) for verdict in VERDICTS.values()}
        counts["repeated"] = sum(item.repeated for item in found)
        twice = counts["repeated"]
        repeats = "name repeats a gene and counts once" if twice == 1 else "names repeat a gene and count once"
        notes = [f"{twice:,} {repeats}"] if twice else []
        return CheckedGenes(genes=found, counts=counts, notes=notes, state=state.key)

    @router.post("/signature", summary="What a file holds: gene sets, or a signature and the columns that were taken")
    def post_signature(
        file: UploadFile = File(description="GMT, GMX, GRP, a list, a table, or values of samples (h5ad, GCT ...)"),  # noqa: B008
        groupby: str = Form("", max_length=100, description="values of samples: field that names their group"),
        case: str = Form("", max_length=200, description="group that is compared; without it every other one is"),
        control: str = Form("", max_length=200, description="group to compare with, or rest"),
        sample: str = Form("", max_length=100, description="field that says which sample a cell is of"),
    ) -> dict[str, Any]:
        name = plain_name(file.filename or "")
        raw = file.file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise RefusedError(f"{name}: more than {MOST_BYTES:,} bytes", 413, "too_large", "file")
        if groupby:
            return contrast_preview(service, name, raw, groupby, case, control, sample)
        return preview(service, name, raw)

    return router


def plain_name(name: str) -> str:
    """Name of a file as a client gives it, without folders and without what a file system may take amiss."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return re.sub(r"[^\w. +-]", "_", last).lstrip(". ")[-100:] or "signature.txt"


def checked(index: ConnectivityIndex, names: list[str]) -> list[CheckedGene]:
    """Verdict on each name of one list."""
    finder, ids = index.finder, index.store.gene_ids
    found, seen = [], set[int]()
    for item in finder.find(names):
        used = item.row >= 0
        suggested = _SUGGESTED.search(item.reason)
        suggest = [part.strip() for part in re.split(r",| or ", suggested[1])] if suggested else []
        entrez = ids[item.row] if used else None
        if not used and (number := re.search(r"Entrez id (\d+)", item.reason)):
            entrez = number[1]
        found.append(
            CheckedGene(
                given=item.name, verdict=VERDICTS[item.answer], symbol=finder.name_of(item.row) if used else None,
                entrez=entrez, kind=str(item.kind or "id"), suggest=suggest, why=item.reason,
                repeated=used and item.row in seen,
            )
        )  # fmt: skip
        seen.add(item.row)
    return found


def preview(service: Service, name: str, raw: bytes) -> dict[str, Any]:
    """Read a file: sets, or a signature that is kept under a token."""
    index = service.states.current.index
    errors = []
    for what, read in (("sets", _sets), ("signature", _signatures)):
        try:
            queries, notes = read(name, raw, index)
        except BeadworkError as error:
            errors.append(f"{error}")
            continue
        if what == "sets" and not _looks_like_sets(queries, index):
            errors.append(f"{name}: few of its words are genes")
            continue
        shown = queries[:MOST_SETS]
        if what == "sets":
            content = [{"name": query.name, "up": list(query.up), "down": list(query.down)} for query in shown]
            return {"kind": "sets", "file": name, "queries": content, "count": len(queries), "notes": notes,
                    "quality": _quality(index, queries[0])}  # fmt: skip
        listed = [
            {
                "name": query.name, "token": service.uploads.keep(dict(query.profile or {})),
                "genes": len(query.profile or {}), "columns": list(query.notes), "preview": _ends(query),
                "quality": _quality(index, query), "warnings": _warnings(index, query),
            }
            for query in queries[:MOST_LISTED]
        ]  # fmt: skip
        first = {key: listed[0][key] for key in ("token", "preview", "quality", "columns", "warnings")}
        return {"kind": "signature", "file": name, "queries": listed, "count": len(queries), "notes": notes, **first}
    words = errors[-1] if errors else f"{name}: cannot be read"
    raise RefusedError(words, field="file")


def contrast_preview(
    service: Service, name: str, raw: bytes, groupby: str, case: str, control: str, sample: str
) -> dict[str, Any]:
    """Compare groups of samples, as `beadwork signature` does; each comparison is kept under a token."""
    import tempfile
    from pathlib import Path

    from beadwork.api.signature.make import judge_signature, read_contrast_values, signatures_of_values

    index = service.states.current.index
    with tempfile.TemporaryDirectory(prefix="beadwork-") as folder:
        path = Path(folder) / name
        path.write_bytes(raw)
        try:
            chosen = ([case] if case else [], [control] if control else [])
            values, contrasts = read_contrast_values(path, groupby, *chosen, sample=sample or None)
            made, skipped = signatures_of_values(values, contrasts[:MOST_LISTED])
        except BeadworkError as error:
            words = str(error).replace(str(path), name)
            for option in ("case", "control", "groupby", "sample"):
                words = words.replace(f"--{option}", option)
            raise RefusedError(words, field="groupby") from None
    listed = []
    for signature in made:
        pairs = zip(signature.genes, signature.statistic.tolist(), strict=True)
        query = Query(signature.name, profile={gene: value for gene, value in pairs if value == value})
        listed.append(
            {
                "name": query.name, "token": service.uploads.keep(dict(query.profile or {})),
                "genes": len(query.profile or {}), "columns": list(signature.notes), "preview": _ends(query),
                "quality": _quality(index, query), "warnings": judge_signature(signature, index.store.gene_ids),
                "method": signature.method, "n_case": signature.n_case, "n_control": signature.n_control,
            }
        )  # fmt: skip
    first = {key: listed[0][key] for key in ("token", "preview", "quality", "columns", "warnings")}
    notes = [f"{row['contrast']}: {row['reason']}" for row in skipped]
    return {"kind": "signature", "file": name, "queries": listed, "count": len(contrasts), "notes": notes, **first}


def _sets(name: str, raw: bytes, index: ConnectivityIndex) -> tuple[list[Query], list[str]]:
    ending = name.lower().removesuffix(".gz").rsplit(".", 1)[-1]
    if ending not in ("gmt", "gmx", "grp", "txt"):
        raise RefusedError(f"{name}: no file of gene sets (.gmt, .gmx, .grp, .txt)")
    found = read_sets_text(up=(name, raw), identify=index.finder.keys)
    return found.queries, found.notes


def _looks_like_sets(queries: list[Query], index: ConnectivityIndex) -> bool:
    genes = [gene for query in queries[:10] for gene in (*query.up, *query.down)][:500]
    used = sum(item.answer is not GeneVerdict.NO_GENE for item in index.finder.find(genes))
    return bool(genes) and used >= 0.3 * len(genes)


def _signatures(name: str, raw: bytes, index: ConnectivityIndex) -> tuple[list[Query], list[str]]:
    found = read_signature_text(name, raw, index.finder.keys)
    return found.queries, found.notes


def _ends(query: Query) -> dict[str, list[dict[str, Any]]]:
    ordered = sorted((query.profile or {}).items(), key=lambda item: -item[1])
    ends = {"up": ordered[:PREVIEW], "down": ordered[::-1][:PREVIEW]}
    return {side: [{"gene": gene, "value": value} for gene, value in part] for side, part in ends.items()}


def _warnings(index: ConnectivityIndex, query: Query) -> list[str]:
    """Why the signature of a table should not be trusted."""
    from beadwork.api.signature.make import judge_signature, signature_of_table

    return judge_signature(signature_of_table(query), index.store.gene_ids)


def _quality(index: ConnectivityIndex, query: Query) -> dict[str, int]:
    names = list(query.profile) if query.profile else [*query.up, *query.down]
    found = index.finder.find(names[:70_000])
    return {"given": len(names), **{words: sum(item.answer is verdict for item in found)
                                    for verdict, words in VERDICTS.items()}}  # fmt: skip
