"""``beadwork serve``: a local web page and JSON API over an index."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, log, log_option, starter, threads_option


@click.command("serve")
@click.argument("index", metavar="[INDEX]", type=FILE, required=False)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. The default is reached from this computer only.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="Further host name by which the page is reached, when --host is not the default.",
)
@threads_option
@log_option
def command(index: Path | None, host: str, port: int, allow_host: tuple[str, ...], threads: int) -> None:
    """Show INDEX in the browser: paste gene sets, browse what connects, look at signatures, download.

    Without INDEX the small library that ships is shown. The same is a JSON API; /openapi.json describes it. The server
    only reads, and holds no password: whoever reaches the address can query the index, so leave --host as it is unless
    the network is trusted. Ctrl-C ends it.
    """
    import socket

    from beadwork.model.errors import FileError, ParameterError

    try:
        from beadwork.serve.app import create_app
        from beadwork.serve.server import make_server
    except ImportError:
        raise ParameterError("serve needs the packages fastapi and uvicorn; install beadwork[serve]") from None
    from beadwork.api import ConnectivityIndex

    if index is None:
        index = starter(threads)
    opened = ConnectivityIndex.open(index, threads=threads)
    opened.warm()
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise FileError(f"{host}:{port}: cannot listen there ({error.strerror}); choose another --port") from None
    hosts = ["127.0.0.1", "localhost", "::1", host, *allow_host]
    if host not in ("127.0.0.1", "localhost", "::1"):
        log.warning("listening on %s: everyone who reaches this address can query the index", host)
    address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '') else host}:{listener.getsockname()[1]}/"
    click.echo(f"beadwork: {index} is at {address} (Ctrl-C ends it)")
    make_server(create_app(opened, hosts=hosts)).run(sockets=[listener])
