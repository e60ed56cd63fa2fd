"""What may be asked, and its id: the same question of the same state of the index is the same answer."""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
import tempfile
import threading
from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError

from beadwork.api.index.asking.like import queries_like, reverse_queries
from beadwork.api.index.opened import load_queries
from beadwork.model.connectivity.query import MappedQuery, Query
from beadwork.model.errors import BeadworkError
from beadwork.model.params import QueryParams
from beadwork.serve.lookup.states import IndexState
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.store import Store
from beadwork.stages.connectivity.filters import filter_signatures

MOST_GENES = 2000
MOST_VALUES = 70_000
MOST_BYTES = 8 << 20
MOST_AT_ONCE = 100
"""Questions that are taken all together, or none of them."""
MOST_IN_LIST = 200
"""Questions of a list, which are asked one after the other."""
LONG = 2000
"""Genes, or letters of a table, up to which a signature is repeated in states."""
MOST_UPLOADS = 256
"""Signatures of files that are kept for questions to come."""


def _gene_name(value: Any) -> Any:
    """Entrez ids may come as numbers; half letters, which JSON can hold, are no names."""
    if isinstance(value, str) and not value.isascii():
        value.encode()
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    return str(int(value)) if whole else value


Gene = Annotated[str, BeforeValidator(_gene_name), Field(max_length=64)]


class Question(BaseModel):
    """Genes of a query: Entrez ids, symbols of today or older ones, Ensembl ids; or a full signature; or a name."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("query", max_length=100, description="name of the query")
    up: list[Gene] = Field(default_factory=list, max_length=MOST_GENES, description="genes that go up")
    down: list[Gene] = Field(default_factory=list, max_length=MOST_GENES, description="genes that go down")
    min_set: int = Field(QueryParams().min_set, ge=1, description="a set with fewer genes in the index is not scored")
    signature: dict[Gene, FiniteFloat] = Field(
        default_factory=dict,
        max_length=MOST_VALUES,
        validation_alias=AliasChoices("signature", "profile"),
        description="value by gene (z-score, t, log fold change): a full signature instead of sets",
    )
    signature_table: str = Field(
        "",
        max_length=MOST_BYTES,
        description="a full signature as the text of a table of differential expression, or of a ranked list",
    )
    token: str = Field("", max_length=64, description="a signature of a file: `token` of POST /api/signature")
    like: str = Field(
        "",
        max_length=300,
        description="a sig_id of the index, a perturbagen or a mechanism: ask with the mean of its signatures",
    )
    again: str = Field("", max_length=64, description="id of an answer: its question is asked once more, and no other")
    where: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list,
        max_length=10,
        description="filters such as cell_id=A375 or tas>=0.2; signatures keep their scores against the whole index, "
        "perturbagens, cells and classes are rolled up from what passes, with the background of their tau",
    )
    direction: Literal["mimic", "reverse"] = Field(
        "mimic", description="reverse exchanges up and down: what opposes the question comes first"
    )


@dataclass(frozen=True)
class Asked:
    """A question that can be answered: its id, its query on the genes of a state of the index."""

    key: str
    question: dict[str, Any]
    state_key: str
    state: IndexState | None
    """State of the index; None when the question has ended, as its waiters need the state no more."""
    query: MappedQuery
    params: QueryParams
    where: tuple[str, ...]

    @property
    def open_state(self) -> IndexState:
        """State of the index, until the question has ended."""
        assert self.state is not None
        return self.state


class Uploads:
    """Signatures of files that were sent, by token."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[tuple[str, ...], array[float]]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, values: dict[str, float]) -> str:
        """Keep a signature; its token.

        Raises
        ------
        RefusedError
            It has more values than a question takes.
        """
        if len(values) > MOST_VALUES:
            words = f"a signature of {len(values):,} values; a question takes {MOST_VALUES:,}"
            raise RefusedError(words, 413, "too_large", "file")
        token = secrets.token_urlsafe(12)
        with self._lock:
            # the same names stand in every signature of a file
            self._kept[token] = (tuple(map(sys.intern, values)), array("d", values.values()))
            while len(self._kept) > MOST_UPLOADS:
                self._kept.popitem(last=False)
        return token

    def find(self, token: str) -> dict[str, float]:
        """Signature of a token."""
        with self._lock:
            found = self._kept.get(token)
        if found is None:
            raise not_found("no such token; send the file once more", "token")
        return dict(zip(*found, strict=True))


@dataclass(frozen=True, eq=False)
class References:
    """What a question may name instead of genes: signatures of files by their token, answers by their id."""

    uploads: Uploads
    store: Store

    def resolved(self, question: Question) -> Question:
        """Put what is named into a question.

        Raises
        ------
        RefusedError
            There is no such signature or answer, or `again` stands beside something else.
        """
        if question.again:
            given = list(question.model_dump(exclude_defaults=True, exclude={"again"}))
            if given:
                words = f"again asks the question of an answer as it was; leave {', '.join(given)} out"
                raise RefusedError(words, field=given[0])
            kept = self.store.find(question.again)
            if kept is None:
                raise not_found("no such question; it may have been dropped for newer ones", "again")
            return kept_question(kept.question)
        if question.token:
            return question.model_copy(update={"token": "", "signature": self.uploads.find(question.token)})
        return question


def kept_question(kept: Mapping[str, Any]) -> Question:
    """Question of an answer as it is kept, with nothing left to be resolved.

    Raises
    ------
    RefusedError
        This version does not take it.
    """
    try:
        return Question(**kept)
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))[:60]}: {first['msg']}"
        words = f"this question was kept by another version of beadwork ({reason}); write it anew"
        raise RefusedError(words, 410, "other_version", "again") from None


def understand(question: Question, state: IndexState, references: References | None = None) -> Asked:
    """Put a question on the genes of the index.

    Parameters
    ----------
    references
        What the question may name; None: it is one that was kept, and names nothing.

    Raises
    ------
    BeadworkError
        It asks for nothing, for several things, or for genes or fields that the index does not have.
    """
    if references is not None:
        question = references.resolved(question)
    query = _query(question, state)
    if question.direction == "reverse":
        (query,) = reverse_queries([query])
    params = QueryParams(min_set=question.min_set)
    (mapped,) = state.index.map_queries([query], params)
    if question.where:
        filter_signatures(state.index.annotation, question.where)
    asked = plain_question(question)
    key = hashlib.sha256(json.dumps([asked, state.key], sort_keys=True).encode()).hexdigest()[:20]
    return Asked(key, asked, state.key, state, mapped, params, tuple(question.where))


def understand_all(
    questions: Sequence[Question], state: IndexState, references: References
) -> list[Asked | BeadworkError]:
    """Understand several questions: each, or the reason why it cannot be asked."""
    found: list[Asked | BeadworkError] = []
    for question in questions:
        try:
            found.append(understand(question, state, references))
        except BeadworkError as error:
            found.append(error)
    return found


def short_question(question: dict[str, Any]) -> dict[str, Any]:
    """Leave the values of a long signature out of what is sent with every state; `again` asks with them."""
    found = dict(question)
    for name in ("signature", "signature_table"):
        if len(found.get(name, ())) > LONG:
            found[f"{name}_size"] = len(found.pop(name))
    return found


def plain_question(question: Question) -> dict[str, Any]:
    """Leave out of a question what is as it is by default."""
    return {"name": question.name or "query", **question.model_dump(exclude_defaults=True, exclude={"name"})}


def _query(question: Question, state: IndexState) -> Query:
    """Read what is asked."""
    name = question.name or "query"
    given = {
        "up": bool(question.up or question.down),
        "signature": bool(question.signature),
        "signature_table": bool(question.signature_table.strip()),
        "like": bool(question.like.strip()),
    }
    if sum(given.values()) > 1:
        raise RefusedError("give genes that go up and down, or a full signature, not both",
                           field=next(key for key, value in reversed(given.items()) if value))  # fmt: skip
    if question.like.strip():
        try:
            (query,) = queries_like(state.index, [question.like.strip()])
        except BeadworkError as error:
            raise not_found(str(error).removeprefix("--like: "), "like") from None
        return replace(query, name=question.name if question.name != "query" else query.name)
    if question.signature:
        return Query(name, profile=dict(question.signature))
    if not question.signature_table.strip():
        return Query(name, tuple(question.up), tuple(question.down))
    with tempfile.TemporaryDirectory(prefix="beadwork-") as folder:
        path = Path(folder) / "signature.txt"
        path.write_text(question.signature_table, encoding="utf-8")
        try:
            queries = load_queries(signatures=[path])
        except BeadworkError as error:
            raise RefusedError(str(error).replace(f"{path}", "the table"), field="signature_table") from None
    if len(queries) != 1:
        raise RefusedError(f"the table holds {len(queries)} signatures; give one at a time", field="signature_table")
    return replace(queries[0], name=name)
