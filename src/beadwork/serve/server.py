"""The server under the application, with limits on what a connection may keep others waiting for.

uvicorn gives no time to the first request of a connection, nor to half a header: such a connection stays for ever, and
as many of them as may be open lock everybody out.  Here a connection that owes the server something (its next request,
the rest of a header or a body) is closed after a while, at once where it is the oldest of too many; and so is one that
does not take its answer.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 256
"""Connections beyond which the oldest that the server waits for is closed."""
SHUTDOWN_SECONDS = 5
"""Time that requests have to be answered when the server is ended; questions that wait are not, and are asked again."""
MOST_ANSWERS = 512
"""Connections beyond which further ones are turned away while all of these wait for their answers."""


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 with limits of time; :func:`make_server` sets them."""

    header_seconds = 10.0
    answer_seconds = 120.0
    _timer: asyncio.TimerHandle | None = None
    _answering = False

    def connection_made(self, transport: Any) -> None:
        """Begin a connection: its first request must come in time."""
        super().connection_made(transport)
        self._arm(self.header_seconds)
        if len(self.connections) > MOST_CONNECTIONS:
            idle = [item for item in self._siblings() if item is not self and item._is_waited_for()]
            if idle:
                min(idle, key=lambda item: item._since)._close()
            elif len(self.connections) > MOST_ANSWERS:
                self._close()

    def data_received(self, data: bytes) -> None:
        """Take what came; the time for a header does not begin anew with every byte of it."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """End an answer: the next request must come in time."""
        super().on_response_complete()
        self._answering = False
        self._arm(self.header_seconds)
        self._watch()  # a request that was sent along with the last one has begun already

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._disarm()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Give a request whose header is there the time of an answer."""
        if not self._answering and self.cycle is not None and not self.cycle.response_complete:
            self._answering = True
            self._arm(self.answer_seconds)

    def _siblings(self) -> list[LimitedProtocol]:
        return [cast("LimitedProtocol", item) for item in self.connections]

    def _is_waited_for(self) -> bool:
        """Whether the server waits for the client: for a request, or for the rest of one."""
        return not self._answering or bool(self.cycle is not None and self.cycle.more_body)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._since = self.loop.time()
        if not self.transport.is_closing():
            self._timer = self.loop.call_later(seconds, self._close)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self._disarm()
        self.connections.discard(self)  # counts no more, though the loop closes it a moment later
        self.transport.abort()


def make_server(app: ASGIApp, *, header_seconds: float = 10, answer_seconds: float = 120) -> uvicorn.Server:
    """Make the server of an application.

    Parameters
    ----------
    header_seconds
        Time that the header of a request may take to come, from the start of the connection or the last answer.
    answer_seconds
        Time from the header of a request to the end of its answer.
    """
    limits = {"header_seconds": header_seconds, "answer_seconds": answer_seconds}
    config = uvicorn.Config(
        app,
        http=type("Limited", (LimitedProtocol,), limits),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_level="warning",
        timeout_keep_alive=10,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        h11_max_incomplete_event_size=16384,
    )
    return uvicorn.Server(config)
