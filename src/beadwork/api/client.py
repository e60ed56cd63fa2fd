"""A server of `beadwork serve` as an object, with the words of :class:`ConnectivityIndex`."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from beadwork import __version__
from beadwork.model.errors import GeneSetError, ParameterError, ServerError, name_some

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.index.asking.query_inputs import GeneSets
    from beadwork.model.connectivity.query import Query

ARROW = "application/vnd.apache.arrow.stream"
MOST_IDS = 500
"""Signatures whose values are asked for at a time."""
LOCAL = ("127.0.0.1", "localhost", "::1")
"""Names of this machine; requests to it never go through a proxy of the environment."""
KINDS = ("perts", "genes", "cells", "classes", "sigs")
VERDICTS = {"used": "used", "not here": "a gene, but not in this index", "unknown": "not a gene"}
"""What an index says of a gene, by the word of the server."""


class Client:
    """Asks an index that a server shows; the index itself stays where it is.

    >>> client = Client("http://127.0.0.1:8765")                                            # doctest: +SKIP
    >>> client.query(up=["TP53", "CDKN1A", "MDM2"], down=["CCNB1", "CDK1", "PLK1"])         # doctest: +SKIP

    Parameters
    ----------
    url
        Address of the server, with its prefix if it has one.
    token
        Token that the server asks for (`beadwork serve --token-file`).
    seconds
        Time that an answer may take.
    """

    def __init__(self, url: str, token: str | None = None, seconds: float = 600) -> None:
        try:
            parts = urllib.parse.urlsplit(url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address:
            raise ServerError(f"{url}: is no address of a server; http://HOST:PORT is needed")
        self.url, self.seconds = url.rstrip("/").removesuffix("/api"), seconds
        self.token = token.strip() if token else None
        handlers = [urllib.request.ProxyHandler({})] if parts.hostname in LOCAL else []
        self._opener = urllib.request.build_opener(*handlers)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def __len__(self) -> int:
        return int(self.info()["signatures"])

    def info(self) -> dict[str, Any]:
        """Facts about the index."""
        found: dict[str, Any] = self._json("/api/index", needs="signatures")
        return found

    @property
    def siginfo(self) -> pd.DataFrame:
        """Annotation of all signatures, in index order."""
        return self._table("/api/sigs.arrow")

    @property
    def genes(self) -> pd.DataFrame:
        """Genes of the index: gene_id, symbol, whether they are measured."""
        found = self._table("/api/genes.arrow")
        first = ["gene_id", "symbol"]
        return found[[*first, *(name for name in found.columns if name not in first)]]

    def find_genes(self, names: Sequence[object] | str) -> pd.DataFrame:
        """Say what the index makes of each gene of one list, in the columns of the index's own table."""
        import pandas as pd

        found = self._json("/api/genes/check", {"genes": _texts(names)}, needs="genes")["genes"]
        columns = {"given": "name", "verdict": "answer", "entrez": "gene_id", "why": "reason"}
        table = pd.DataFrame(
            found, columns=["given", "verdict", "entrez", "symbol", "kind", "why", "suggest", "repeated"]
        )
        table["entrez"] = table["entrez"].where(table["verdict"] == "used", None)  # gene_id is that of the index
        return table.rename(columns=columns).assign(answer=table["verdict"].replace(VERDICTS))

    def query(
        self,
        up: GeneSets | None = None,
        down: GeneSets | None = None,
        *,
        signature: Mapping[str, float] | pd.Series | None = None,
        like: str | None = None,
        name: str = "query",
        where: str | Sequence[str] = (),
        direction: str = "mimic",
        min_set: int | None = None,
    ) -> pd.DataFrame:
        """Signatures of the index ranked by how they connect to one question.

        Parameters
        ----------
        up, down, signature, name, where, min_set
            As :meth:`ConnectivityIndex.query` takes them.
        like
            A sig_id of the index, or a perturbagen: ask with the mean of its signatures.
        direction
            ``reverse`` exchanges up and down.

        Returns
        -------
        One row per signature, best connected first, in the columns of the index's own table; ``.attrs`` has ``id``,
        ``notes``, ``missing_genes``, ``how_sure``.
        """
        state = self.ask(up, down, signature=signature, like=like, name=name, where=where, direction=direction,
                         min_set=min_set)  # fmt: skip
        return self._ranked(state)

    def ask(
        self,
        up: GeneSets | None = None,
        down: GeneSets | None = None,
        *,
        signature: Mapping[str, float] | pd.Series | None = None,
        like: str | None = None,
        name: str = "query",
        where: str | Sequence[str] = (),
        direction: str = "mimic",
        min_set: int | None = None,
    ) -> dict[str, Any]:
        """Ask, wait, and return the state of the answer; :meth:`table` gives its tables."""
        from beadwork.api.index.asking.query_inputs import queries_of

        options = _options(where, direction, min_set)
        if like is not None:
            if not (up is None and down is None and signature is None):
                raise GeneSetError("like is a question of its own; leave up, down and signature out")
            return self._wait(self._submit({"name": name, "like": str(like), **options}))
        queries = queries_of(up, down, signature, name)
        if len(queries) != 1:
            names = name_some([query.name for query in queries])
            raise GeneSetError(f"{len(queries)} queries given ({names}); use query_many()")
        return self._wait(self._submit({**_question(queries[0]), **options}))

    def query_many(
        self,
        up: GeneSets | Sequence[Query] | None = None,
        down: GeneSets | None = None,
        *,
        where: str | Sequence[str] = (),
        direction: str = "mimic",
        min_set: int | None = None,
    ) -> ServerAnswers:
        """Answers to several queries: the table that :meth:`query` gives, by the name of each query.

        Parameters
        ----------
        up, down
            Sets by name, files of sets, or queries, as :meth:`ConnectivityIndex.query_many` takes them.
        """
        from beadwork.api.index.asking.query_inputs import check_names, queries_of

        options = _options(where, direction, min_set)
        queries = queries_of(up, down)
        check_names(queries)
        asked = [self._submit({**_question(query), **options}) for query in queries]
        return ServerAnswers(self, [self._wait(state) for state in asked])

    def _ranked(self, state: Mapping[str, Any]) -> pd.DataFrame:
        """Table of signatures of an answer, in the columns of the index's own table."""
        from beadwork.api.index.asking.answers import clue_names

        found = self.table(state, "sigs")
        found = found.astype({"rank": "int64", "ncs": "float64"})
        place = list(found.columns).index("fdr") + 1
        columns = clue_names({name: found[name].to_numpy() for name in ("wtcs", "ncs", "fdr")})
        for offset, (name, values) in enumerate(columns.items()):
            found.insert(place + offset, name, values)
        return found

    def _submit(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Ask; where too many questions wait, so do we."""
        end = time.monotonic() + self.seconds
        while True:
            try:
                found: dict[str, Any] = self._json("/api/queries", question, needs="status")
                return found
            except _BusyError:
                if time.monotonic() + BUSY_SECONDS > end:
                    raise
                time.sleep(BUSY_SECONDS)

    def _wait(self, state: dict[str, Any]) -> dict[str, Any]:
        end = time.monotonic() + self.seconds
        while state["status"] in ("waiting", "running"):
            if time.monotonic() > end:
                raise ServerError(f"{self.url}: no answer within {self.seconds:g} s")
            state = self._json(f"/api/queries/{state['id']}?wait=10", needs="status")
        if state["status"] != "done":
            raise GeneSetError(state["message"] or f"the query was {state['status']} on the server")
        return state

    def table(self, answer: Mapping[str, Any] | str, name: str = "perts") -> pd.DataFrame:
        """Table of an answer, as a whole: perts, classes, genes, cells or sigs.

        Parameters
        ----------
        answer
            What :meth:`ask` returned, or its id.
        """
        key = answer if isinstance(answer, str) else str(answer["id"])
        found = self._table(f"/api/queries/{urllib.parse.quote(key)}/export?as=arrow&table={urllib.parse.quote(name)}")
        if not isinstance(answer, str):
            found.attrs |= {"id": key, "notes": answer["notes"], "missing_genes": answer["missing"],
                            "how_sure": answer["how_sure"]}  # fmt: skip
        return found

    def signature(self, sig_id: str) -> pd.Series:
        """Scores of one signature, by gene id."""
        values = self.signatures([sig_id])[sig_id]
        return values.rename(sig_id)

    def signatures(self, sig_ids: Sequence[str] | str, genes: Sequence[object] | str = ()) -> pd.DataFrame:
        """Scores of signatures, genes (by id) x signatures."""
        import pandas as pd

        sig_ids, parts = _texts(sig_ids), []
        for first in range(0, len(sig_ids), MOST_IDS):
            body = {"sig_ids": sig_ids[first : first + MOST_IDS], "genes": _texts(genes)}
            parts.append(self._table("/api/sigs/values", body).set_index("gene_id").drop(columns="symbol"))
        if not parts:
            raise GeneSetError("no signature was named")
        return pd.concat(parts, axis=1)

    def show(self, kind: str, name: str) -> dict[str, Any]:
        """Card of a perturbagen, gene, cell, class or signature: kind is perts, genes, cells, classes or sigs."""
        if kind not in KINDS:
            raise ParameterError(f"kind {kind!r}: {', '.join(KINDS)} can be shown")
        found: dict[str, Any] = self._json(f"/api/{kind}/{urllib.parse.quote(name, safe='')}", needs="facts")
        return found

    def search(self, text: str, limit: int = 8) -> pd.DataFrame:
        """Find compounds, genes, classes, cells and signatures by their names."""
        import pandas as pd

        found = self._json(f"/api/search?{urllib.parse.urlencode({'q': text, 'limit': limit})}", needs="hits")["hits"]
        return pd.DataFrame(found, columns=["kind", "id", "label", "detail"])

    def _json(self, path: str, body: Mapping[str, Any] | None = None, *, needs: str = "") -> Any:
        raw = self._call(path, body, "application/json")
        try:
            found = json.loads(raw)
        except ValueError:
            found = None
        if not isinstance(found, dict) or (needs and needs not in found):
            raise self._stranger(path)
        return found

    def _table(self, path: str, body: Mapping[str, Any] | None = None) -> pd.DataFrame:
        import pyarrow as pa

        raw = self._call(path, body, ARROW)
        try:
            table = pa.ipc.open_stream(raw).read_all()
        except pa.ArrowInvalid:
            raise self._stranger(path) from None
        frame: pd.DataFrame = table.to_pandas()
        return frame.astype({name: object for name in frame if frame[name].dtype == "category"})

    def _call(self, path: str, body: Mapping[str, Any] | None, accept: str) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": accept, "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with self._opener.open(request, timeout=self.seconds) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(path, error.code, error.read()) from None
        except (http.client.IncompleteRead, http.client.RemoteDisconnected) as error:
            kind = type(error).__name__
            raise ServerError(f"{self.url}: the connection broke off ({kind}); has the server stopped?") from None
        except http.client.HTTPException as error:
            raise ServerError(
                f"{self.url}: does not speak HTTP ({type(error).__name__}); is it another port?"
            ) from None
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise ServerError(f"{self.url}: cannot be reached ({reason}); is `beadwork serve` running there?") from None

    def _refused(self, path: str, status: int, raw: bytes) -> GeneSetError | ServerError:
        try:
            found = json.loads(raw)
            words, code = str(found["words"]), str(found["code"])
        except (ValueError, KeyError, TypeError):
            return ServerError(f"{self.url}: answers with status {status}; is it a server of beadwork?")
        if code == "busy":
            return _BusyError(f"{self.url}: {words}")
        if code == "method_not_allowed" or (code == "not_found" and words.startswith(NOTHING_THERE)):
            return self._stranger(path)
        return GeneSetError(words) if status in (404, 422) else ServerError(f"{self.url}: {words}")

    def _stranger(self, path: str) -> ServerError:
        place = path.partition("?")[0]
        words = f"does not answer {place} as beadwork {__version__} does; is it another version, or another program?"
        return ServerError(f"{self.url}: {words}")


class ServerAnswers(dict[str, "pd.DataFrame"]):
    """Answers of a server: tables of signatures by the name of their query, with the words of :class:`QueryResult`.

    Attributes
    ----------
    states
        State of each answer, as :meth:`Client.ask` returns it.
    """

    def __init__(self, client: Client, states: Sequence[dict[str, Any]]) -> None:
        super().__init__((state["name"], client._ranked(state)) for state in states)
        self.states, self._client = list(states), client

    @property
    def names(self) -> list[str]:
        """Names of the queries."""
        return list(self)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Signatures ranked by score, for each query by its name."""
        return dict(self)

    def table(self, query: int | str = 0) -> pd.DataFrame:
        """Signatures ranked by the score of one query, best connected first."""
        return self[self._name(query)]

    def perturbagens(self, query: int | str = 0) -> pd.DataFrame:
        """Perturbagens ranked by the score of one query."""
        return self._client.table(self.states[self.names.index(self._name(query))], "perts")

    def _name(self, query: int | str) -> str:
        if isinstance(query, int):
            query = self.names[query]
        if query not in self:
            raise GeneSetError(f"no query {query!r}; there are {name_some(self.names)}")
        return query


class _BusyError(ServerError):
    """Too many questions wait."""


BUSY_SECONDS = 2.0
NOTHING_THERE = ("Not Found", "there is nothing at this address")
"""How a server says that it has no such address, as against no such thing at it."""


def _texts(items: Sequence[object] | str) -> list[str]:
    """Names as a list; one text is one name."""
    return [items] if isinstance(items, str) else [str(item) for item in items]


def _options(where: str | Sequence[str], direction: str, min_set: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"direction": direction}
    if where:
        found["where"] = _texts(where)
    if min_set is not None:
        found["min_set"] = min_set
    return found


def _question(query: Query) -> dict[str, Any]:
    """Body of a question; genes of a signature without a value are left out, as the index does."""
    if query.profile is not None:
        return {
            "name": query.name,
            "signature": {gene: value for gene, value in query.profile.items() if value == value},
        }
    return {"name": query.name, "up": list(query.up), "down": list(query.down)}
