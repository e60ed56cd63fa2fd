"""Genes before a question is asked: what is used, what is not."""

from __future__ import annotations

import re

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from beadwork.api.index.opened import ConnectivityIndex
from beadwork.model.connectivity.query import Answer as GeneVerdict
from beadwork.serve.questions import MOST_GENES, Gene
from beadwork.serve.refusals import RefusedError
from beadwork.serve.service import Service

MOST_CHECKED = 2 * MOST_GENES
_SEPARATORS = re.compile(r"[\s,;]+")
_SUGGESTED = re.compile(
    r"(?:did you mean|perhaps made of|perhaps|human gene is|several genes(?: in one cell)? \() ?([^?;)]+)"
)
_BETWEEN = re.compile(r",| or | and \d+ more")
VERDICTS = {GeneVerdict.USED: "used", GeneVerdict.NOT_IN_INDEX: "not here", GeneVerdict.NO_GENE: "unknown"}


class GeneText(BaseModel):
    """Genes as they were typed or pasted."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field("", max_length=1 << 18, description="names, by blanks, commas, semicolons or lines")
    genes: list[Gene] = Field(default_factory=list, max_length=MOST_CHECKED, description="or as a list")


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
    """Route of genes."""
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

    return router


def checked(index: ConnectivityIndex, names: list[str]) -> list[CheckedGene]:
    """Verdict on each name of one list."""
    finder, ids = index.finder, index.store.gene_ids
    found, seen = [], set[int]()
    for item in finder.find(names):
        used = item.row >= 0
        suggested = _SUGGESTED.search(item.reason)
        suggest = [part.strip() for part in _BETWEEN.split(suggested[1]) if part.strip()] if suggested else []
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
