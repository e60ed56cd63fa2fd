"""``beadwork serve``: a local web page and JSON API over an index."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, log, log_option, starter, threads_option


@click.command("serve")
@click.argument("index", metavar="[INDEX]...", type=FILE, nargs=-1)
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
@click.option(
    "--store",
    metavar="FILE|none",
    help="SQLite file in which questions and answers are kept (for you alone, mode 0600), or none: in memory until the "
    "server ends. By default beadwork/answers.sqlite in the folder for the state of programs of your account.",
)
@click.option(
    "--root-path", default="", metavar="PREFIX", help="Prefix under which a proxy shows the server, such as /l1000."
)
@click.option(
    "--token-file",
    type=FILE,
    metavar="FILE",
    help="Text file with a token of 16 letters or more that requests must show, for use beyond one machine: programs "
    "as Authorization: Bearer TOKEN, browsers by opening /?token=TOKEN once. $BEADWORK_TOKEN does the same.",
)
@click.option(
    "--results", type=FILE, metavar="FOLDER", help="Results of the run that signatures come from: shows their wells."
)
@click.option("--plates", type=FILE, metavar="TSV", help="Sheet of plates of that run: shows the beads of wells too.")
@threads_option
@log_option
def command(
    index: tuple[Path, ...],
    host: str,
    port: int,
    allow_host: tuple[str, ...],
    store: str | None,
    root_path: str,
    token_file: Path | None,
    results: Path | None,
    plates: Path | None,
    threads: int,
) -> None:
    """Show INDEX in the browser: paste gene sets, browse what connects, look at signatures, download.

    Without INDEX the small library that ships is shown; several of the same genes and level are shown as one. The same
    is a JSON API; /openapi.json describes it. The index is only read, and opened anew when it changes. Without
    --token-file whoever reaches the address can query the index, so leave --host as it is unless the network is
    trusted. Ctrl-C ends it.
    """
    import socket

    from beadwork.model.errors import FileError, ParameterError

    try:
        from beadwork.serve.app import create_app
        from beadwork.serve.lookup.memory import limit_arenas
        from beadwork.serve.server import make_server
        from beadwork.serve.store import open_store
    except ImportError:
        raise ParameterError(
            "serve needs the packages fastapi, python-multipart and uvicorn; install beadwork[serve]"
        ) from None
    from beadwork.api import ConnectivityIndex
    from beadwork.api.figures.wells import RunPlates

    limit_arenas()
    if plates is not None and results is None:
        raise ParameterError("--plates: is used with --results only; name the results of that run")
    run = RunPlates.open(results, plates) if results is not None else None
    paths = list(index) or [starter(threads)]
    opened = ConnectivityIndex.open(paths, threads=threads)
    kept = open_store(store)
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise FileError(f"{host}:{port}: cannot listen there ({error.strerror}); choose another --port") from None
    hosts = ["127.0.0.1", "localhost", "::1", host, *allow_host]
    token = read_token(token_file)
    if host not in ("127.0.0.1", "localhost", "::1") and token is None:
        log.warning("listening on %s without --token-file: everyone who reaches this address can query the index", host)
    address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '') else host}:{listener.getsockname()[1]}/"
    app = create_app(
        opened, hosts=hosts, store=kept, root_path="/" + root_path.strip("/") if root_path.strip("/") else "",
        reopen=lambda: ConnectivityIndex.open(paths, threads=threads), starter=not index, token=token, results=run,
    )  # fmt: skip
    app.state.service.states.current.warm()
    shown = (
        ", ".join(map(str, paths)) if index else f"{paths[0]} (the small library that ships; name an INDEX of yours)"
    )
    click.echo(f"beadwork: {shown} is at {address} (Ctrl-C ends it)")
    make_server(app).run(sockets=[listener])


def read_token(path: Path | None) -> str | None:
    """Token of a file, else of the environment, else none."""
    import os

    from beadwork.model.errors import FileError, ParameterError

    token, source = os.environ.get("BEADWORK_TOKEN", "").strip(), "BEADWORK_TOKEN"
    if path is not None:
        try:
            token, source = path.read_text(encoding="utf-8").strip(), str(path)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no text"
            raise FileError(f"{path}: cannot be read ({reason}); a text file with a token is needed") from None
    elif not token:
        return None
    if len(token) < 16 or not token.isascii() or any(letter.isspace() for letter in token):
        raise ParameterError(f"{source}: a token has 16 or more ASCII letters without blanks; "
                             "`openssl rand -hex 16` makes one")  # fmt: skip
    return token
