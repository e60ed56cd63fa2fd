"""What is refused before the application sees it: other hosts, pages of other sites, bodies too large or too slow."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beadwork.serve.refusals import refused_as

COOKIE = "beadwork_token"
SAFE_SITES = (b"same-origin", b"none")


def prefix_of(scope: Mapping[str, Any]) -> str:
    """Prefix under which a proxy shows the server, without a slash at its end; empty where there is none."""
    return str(scope.get("root_path", "")).rstrip("/")


"""Values of Sec-Fetch-Site of requests that our own page, or the user, started."""


class CheckOrigin:
    """Refuse requests addressed to another name, and requests that pages of other sites send.

    A page from elsewhere can make a browser send requests to a local server: under a name of its own that leads here
    (so the Host is checked), or under our name (so what says from where a request came is checked).
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = {_bare(host.lower()) for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        found: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            found.setdefault(name.lower(), []).append(value)
        hosts = found.get(b"host", [])
        scheme = "https:" if _is_https(scope) else ""
        address = _address(f"{scheme}//{hosts[0].decode('latin-1')}") if len(hosts) == 1 else None
        if address is None or address[0] not in self.hosts:
            return refused_as("this server does not go by that name; --allow-host adds one", 400, "host")
        origins = found.get(b"origin", [])
        foreign = any(_address(origin.decode("latin-1")) != address for origin in origins)
        if not origins and scope["method"] not in ("GET", "HEAD"):
            foreign = any(site not in SAFE_SITES for site in found.get(b"sec-fetch-site", []))
        if foreign:
            words = "requests from pages of other sites are refused; a proxy has to pass Host and X-Forwarded-Proto on"
            return refused_as(words, 403, "origin")
        return None


def _is_https(scope: Scope) -> bool:
    """Whether a proxy with TLS says that it is what a browser sees; a page of another site cannot send that."""
    said = [value for name, value in scope["headers"] if name.lower() == b"x-forwarded-proto"]
    return b",".join(said).partition(b",")[0].strip().lower() == b"https"


def _address(url: str) -> tuple[str, int] | None:
    """Host and port of a URL, None if it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None or parts.path or parts.query or parts.fragment:
        return None
    return parts.hostname, port


def _bare(host: str) -> str:
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


class SingleSlash:
    """Take ``/api//perts`` and ``/api/perts/`` for ``/api/perts``: clients of clue.io put slashes there."""

    def __init__(self, app: ASGIApp, start: str) -> None:
        self.app, self.start = app, start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            place = scope["path"].find(f"{self.start}/")
            if place >= 0 and scope["path"][:place] in ("", scope.get("root_path", "")):
                rest = scope["path"][place + len(self.start) :].strip("/")
                scope = {**scope, "path": f"{scope['path'][:place]}{self.start}/{rest}"}
        await self.app(scope, receive, send)


class UnderPrefix:
    """Inform the application under which prefix a proxy shows it, whether or not the proxy takes the prefix off."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app, self.prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            path = scope["path"]
            inside = path == self.prefix or path.startswith(f"{self.prefix}/")
            whole = path if inside else self.prefix + path
            scope = {**scope, "root_path": self.prefix, "path": f"{whole}/" if whole == self.prefix else whole}
        await self.app(scope, receive, send)


class CheckToken:
    """Refuse requests without the token, where there is one.

    Programs send it as ``Authorization: Bearer TOKEN``, or as ``user_key`` (header or parameter) as for clue.io; a
    browser opens ``/?token=TOKEN`` once and has it as a cookie then, which no script can read.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or self._is_known(HTTPConnection(scope)):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        if scope["method"] == "GET" and self._equal(connection.query_params.get("token", "")):
            path = f"{prefix_of(scope)}/"
            found: Response = RedirectResponse(path, 303)
            found.set_cookie(COOKIE, self.token, httponly=True, samesite="strict", path=path, secure=_is_https(scope))
        else:
            words = "this server asks for its token: Authorization: Bearer TOKEN, or open /?token=TOKEN"
            found = refused_as(words, 401, "token", headers={"WWW-Authenticate": "Bearer"})
        await found(scope, receive, send)

    def _is_known(self, connection: HTTPConnection) -> bool:
        kind, _, bearer = connection.headers.get("authorization", "").partition(" ")
        given = [bearer.strip() if kind.lower() == "bearer" else "", connection.headers.get("user_key", ""),
                 connection.query_params.get("user_key", ""), connection.cookies.get(COOKIE, "")]  # fmt: skip
        return any(self._equal(item) for item in given)

    def _equal(self, given: str) -> bool:
        return bool(given) and hmac.compare_digest(given.encode(), self.token.encode())


class AddHeaders:
    """Give every answer some headers; a name in `defaults` only where the answer has none of that name."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str], defaults: Mapping[str, str]) -> None:
        self.app, self.headers, self.defaults = app, headers, defaults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                found.update(self.headers)
                for name, value in self.defaults.items():
                    found.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with)


class LimitBody:
    """Refuse bodies that are too large, whatever their header says, or too long in coming.

    Paths in `larger` may send more, in ten times the time; such bodies are passed on as they come.
    """

    def __init__(self, app: ASGIApp, most: int, seconds: float, larger: Mapping[str, int] | None = None) -> None:
        self.app, self.most, self.seconds, self.larger = app, most, seconds, larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(prefix_of(scope))
        if path in self.larger:
            await self.app(scope, _counted(receive, self.larger[path], 10 * self.seconds), send)
            return
        size = 0
        body = []
        end = time.monotonic() + self.seconds
        while True:
            try:
                message: Message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
            except TimeoutError:
                refusal = refused_as(f"the request took more than {self.seconds:g} s to come", 408, "slow")
                await refusal(scope, receive, send)
                return
            if message["type"] != "http.request":
                return
            size += len(message.get("body", b""))
            if size > self.most:
                refusal = refused_as(f"the request holds more than {self.most:,} bytes", 413, "too_large")
                await refusal(scope, receive, send)
                return
            body.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": b"".join(body), "more_body": False}

        await self.app(scope, replay, send)


def _counted(receive: Receive, most: int, seconds: float) -> Receive:
    """Receive the parts of a body until it is too large, or too long in coming."""
    size, is_whole, end = 0, False, time.monotonic() + seconds

    async def part() -> Message:
        nonlocal size, is_whole
        if is_whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408, f"the request took more than {seconds:g} s to come") from None
        size += len(message.get("body", b""))
        is_whole = not message.get("more_body")
        if size > most:
            raise HTTPException(413, f"the request holds more than {most:,} bytes")
        return message

    return part
