"""A server of `beadwork serve` as an object, with the words of :class:`ConnectivityIndex`."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from beadwork.model.errors import GeneSetError, ServerError

if TYPE_CHECKING:
    import pandas as pd

ARROW = "application/vnd.apache.arrow.stream"
MOST_IDS = 500
"""Signatures whose values are asked for at a time."""


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
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ServerError(f"{url}: is no address of a server; http://HOST:PORT is needed")
        self.url, self.token, self.seconds = url.rstrip("/").removesuffix("/api"), token, seconds

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def __len__(self) -> int:
        return int(self.info()["signatures"])

    def info(self) -> dict[str, Any]:
        """Facts about the index."""
        found: dict[str, Any] = self._json("/api/index")
        return found

    @property
    def siginfo(self) -> pd.DataFrame:
        """Annotation of all signatures, in index order."""
        return self._table("/api/sigs.arrow")

    @property
    def genes(self) -> pd.DataFrame:
        """Genes of the index: symbol, gene_id, whether they are measured."""
        return self._table("/api/genes.arrow")

    def find_genes(self, names: Sequence[str]) -> pd.DataFrame:
        """Say what the index makes of each gene of one list."""
        import pandas as pd

        found = self._json("/api/genes/check", {"genes": [str(name) for name in names]})["genes"]
        columns = {"given": "name", "verdict": "answer", "entrez": "gene_id", "why": "reason"}
        return pd.DataFrame(found).rename(columns=columns)

    def query(
        self,
        up: Sequence[str] | None = None,
        down: Sequence[str] | None = None,
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
        One row per signature, best connected first; ``.attrs`` has ``id``, ``notes``, ``missing_genes``, ``how_sure``.
        """
        state = self.ask(up, down, signature=signature, like=like, name=name, where=where, direction=direction,
                         min_set=min_set)  # fmt: skip
        return self.table(state, "sigs")

    def ask(
        self,
        up: Sequence[str] | None = None,
        down: Sequence[str] | None = None,
        *,
        signature: Mapping[str, float] | pd.Series | None = None,
        like: str | None = None,
        name: str = "query",
        where: str | Sequence[str] = (),
        direction: str = "mimic",
        min_set: int | None = None,
    ) -> dict[str, Any]:
        """Ask, wait, and return the state of the answer; :meth:`table` gives its tables."""
        question: dict[str, Any] = {"name": name, "direction": direction}
        for side, genes in (("up", up), ("down", down)):
            if genes is not None:
                question[side] = [genes] if isinstance(genes, str) else [str(gene) for gene in genes]
        if signature is not None:
            question["signature"] = {str(gene): float(value) for gene, value in dict(signature).items()}
        if like is not None:
            question["like"] = like
        if where:
            question["where"] = [where] if isinstance(where, str) else list(where)
        if min_set is not None:
            question["min_set"] = min_set
        state: dict[str, Any] = self._json("/api/queries", question)
        end = time.monotonic() + self.seconds
        while state["status"] in ("waiting", "running"):
            if time.monotonic() > end:
                raise ServerError(f"{self.url}: no answer within {self.seconds:g} s")
            state = self._json(f"/api/queries/{state['id']}?wait=10")
        if state["status"] != "done":
            raise GeneSetError(state["message"] or state["status"])
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

    def signatures(self, sig_ids: Sequence[str], genes: Sequence[str] = ()) -> pd.DataFrame:
        """Scores of signatures, genes (by id) x signatures."""
        import pandas as pd

        parts = []
        for first in range(0, len(sig_ids), MOST_IDS):
            body = {"sig_ids": list(sig_ids[first : first + MOST_IDS]), "genes": [str(gene) for gene in genes]}
            parts.append(self._table("/api/sigs/values", body).set_index("gene_id").drop(columns="symbol"))
        if not parts:
            raise GeneSetError("no signature was named")
        return pd.concat(parts, axis=1)

    def show(self, kind: str, name: str) -> dict[str, Any]:
        """Card of a perturbagen, gene, cell, class or signature: kind is perts, genes, cells, classes or sigs."""
        found: dict[str, Any] = self._json(f"/api/{urllib.parse.quote(kind)}/{urllib.parse.quote(name, safe='')}")
        return found

    def search(self, text: str, limit: int = 8) -> pd.DataFrame:
        """Find compounds, genes, classes, cells and signatures by their names."""
        import pandas as pd

        found = self._json(f"/api/search?{urllib.parse.urlencode({'q': text, 'limit': limit})}")["hits"]
        return pd.DataFrame(found, columns=["kind", "id", "label", "detail"])

    def _json(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return json.loads(self._call(path, body, "application/json"))

    def _table(self, path: str, body: Mapping[str, Any] | None = None) -> pd.DataFrame:
        import pyarrow as pa

        table = pa.ipc.open_stream(self._call(path, body, ARROW)).read_all()
        frame: pd.DataFrame = table.to_pandas()
        return frame.astype({name: object for name in frame if frame[name].dtype == "category"})

    def _call(self, path: str, body: Mapping[str, Any] | None, accept: str) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": accept, "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=self.seconds) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code, error.read()) from None
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise ServerError(f"{self.url}: cannot be reached ({reason}); is `beadwork serve` running there?") from None

    def _refused(self, status: int, raw: bytes) -> GeneSetError | ServerError:
        try:
            words = str(json.loads(raw)["words"])
        except (ValueError, KeyError, TypeError):
            return ServerError(f"{self.url}: answers with status {status}; is it a server of beadwork?")
        return GeneSetError(words) if status in (404, 422) else ServerError(f"{self.url}: {words}")
