"""Options that commands share, and options made from parameter models."""

from __future__ import annotations

import functools
import gc
import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import click

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.model.params import Params  # and pydantic with it: only where a command has parameters

Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(path_type=Path)
log = logging.getLogger("beadwork")


def params_options(
    model: type[Params], name_of_model: str = "params", names: Mapping[str, str] | None = None
) -> Callable[[Command], Command]:
    """Give a command one flag per field of `model`; the function receives the model as ``params``, or as named.

    `names` has other names of the flags of some fields, where two models of one command share a name.
    """
    from pydantic import ValidationError

    from beadwork.model.params import explain_validation, flag_name, former_names, plain_type

    flags = {name: (names or {}).get(name, name) for name in model.model_fields}
    former = {old: name for name in model.model_fields for old in former_names(model, name)}

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def wrapper(**values: Any) -> Any:
            chosen = {name: values.pop(flag) for name, flag in flags.items()}
            for old, name in former.items():
                if (value := values.pop(old)) is not None:
                    chosen[name] = _former_value(old, flags[name], value)
            try:
                params = model(**chosen)
            except ValidationError as error:
                from beadwork.model.errors import ParameterError

                words = explain_validation(error, lambda name: flag_name(flags.get(name, name)))
                raise ParameterError(words) from None
            return function(**{name_of_model: params}, **values)

        for name, field in reversed(model.model_fields.items()):
            wrapper = _option(flags[name], field)(wrapper)
        for old, name in former.items():
            kind = plain_type(model.model_fields[name].annotation)
            words = f"Former name of {flag_name(flags[name])}."
            wrapper = click.option(flag_name(old), old, type=kind, hidden=True, help=words)(wrapper)
        return wrapper  # type: ignore[return-value]

    return decorate


def _former_value(old: str, flag: str, value: Any) -> Any:
    """Value that was given under the name of one version ago; said, and refused beside the name of today."""
    from click.core import ParameterSource

    from beadwork.model.errors import ParameterError
    from beadwork.model.params import flag_name

    words = f"{flag_name(old)} is the former name of {flag_name(flag)}"
    if click.get_current_context().get_parameter_source(flag) is not ParameterSource.DEFAULT:
        raise ParameterError(f"{words}; give only the latter")
    click.echo(f"beadwork: warning: {words}, which the next version alone will know", err=True)
    return value


def _option(name: str, field: Any) -> Callable[[Command], Command]:
    from beadwork.model.params import flag_name, plain_type

    kind, default = plain_type(field.annotation), field.default
    text = (field.description or "") + "."
    if kind is bool:
        flags = f"{flag_name(name)}/--no-{name.replace('_', '-')}"
        return click.option(flags, name, default=default, show_default=True, help=text)
    if get_origin(kind) is Literal:
        choice = click.Choice([str(item) for item in get_args(kind)])
        return click.option(flag_name(name), name, type=choice, default=default, show_default=True, help=text)
    if get_origin(kind) is tuple:
        return click.option(
            flag_name(name), name, metavar="A,B,...", default=",".join(default), show_default=bool(default), help=text,
            callback=lambda _ctx, _param, value: tuple(part.strip() for part in value.split(",") if part.strip()),
        )  # fmt: skip
    if kind not in (int, float):
        kind = str
    return click.option(flag_name(name), name, type=kind, default=default, show_default=default is not None, help=text)


def log_option(function: Command) -> Command:
    """Add --log-level, which every command has; the function need not know it."""

    @functools.wraps(function)
    def wrapper(log_level: str, **values: Any) -> Any:
        _set_logging(log_level)
        return function(**values)

    return click.option(
        "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info",
        show_default=True, help="How much is said on standard error.",
    )(wrapper)  # type: ignore[return-value]  # fmt: skip


def qc_option(function: Command) -> Command:
    """Add --qc, for commands that have QC rows; the function receives ``qc``."""
    return click.option("--qc", type=FILE, metavar="TSV", help="Write this command's QC rows here.")(function)


def threads_option(function: Command) -> Command:
    """Add --threads, for commands that share out their work; the function receives ``threads``, at least 1."""

    @functools.wraps(function)
    def wrapper(threads: int, **values: Any) -> Any:
        return function(threads=threads or available_threads(), **values)

    return click.option(
        "--threads", type=click.IntRange(min=0), default=0, metavar="N",
        help="Threads; 0, the default, takes all cores. The result does not depend on it.",
    )(wrapper)  # type: ignore[return-value]  # fmt: skip


def instinfo_option(function: Command) -> Command:
    """Add --instinfo; the function receives ``instinfo``."""
    return click.option(
        "--instinfo", type=FILE, metavar="TABLE",
        help="Table of wells for fields that the matrix lacks: inst_info of LINCS, instinfo_beta, or ours.",
    )(function)  # fmt: skip


def matrices_option(function: Command) -> Command:
    """Add --matrices; the function receives ``matrices``."""
    return click.option(
        "--matrices", type=click.Choice(["auto", "all", "none"]), default="auto", show_default=True,
        help="Whole matrices of scores: all, none, or auto, where they have no more than 50 MB together.",
    )(function)  # fmt: skip


def failed_option(function: Command) -> Command:
    """Add --failed, for commands that look at the results of a study; the function receives ``failed``."""
    return click.option(
        "--failed", metavar="TSV", type=FILE,
        help="Table of what failed in the run, if it is not failed.tsv in the folder of results.",
    )(function)  # fmt: skip


def common_options(function: Command) -> Command:
    """Add --threads, --qc and --log-level, for commands that use all three."""
    return threads_option(qc_option(log_option(function)))


def plate_inputs(function: Command) -> Command:
    """Add what a plate is read from: LXB and --map; the function receives ``lxb`` and ``map_path``."""
    option = click.option(
        "--map", "map_path", type=FILE, required=True, metavar="MAP",
        help="Plate map: tab-separated, one row per well; needs rna_well, pert_id and pert_type.",
    )  # fmt: skip
    return click.argument("lxb", type=FILE)(option(function))


def plate_fields_options(function: Command) -> Command:
    """Add what can be said of a plate beside its beads and map (``PlateFields`` of the API)."""
    for option in reversed(_PLATE_FIELDS):
        function = option(function)
    return function


_PLATE_FIELDS = (
    click.option(
        "--plate", metavar="DET_PLATE", help="Name of the plate; by default what the file names have in common."
    ),
    click.option("--bead-batch", metavar="B", help="Bead batch; by default the last part of the plate's name."),
    click.option(
        "--beadset", metavar="NAME", help="Bead set, for example epsilon-r2; by default that of the bead batch."
    ),
    click.option(
        "--ratio",
        type=click.FloatRange(min=0, min_open=True),
        metavar="R",
        help="Mixing ratio, hi beads for each lo bead; by default that of the bead batch.",
    ),
    click.option(
        "--cell-id", metavar="CELL", help="Cell line; by default that of the map, or the plate name's second part."
    ),
    click.option(
        "--brew-prefix",
        metavar="BREW",
        help="What replicate plates share; by default the first three parts of the plate's name.",
    ),
    click.option("--batch", "label", metavar="LABEL", help="Your own label of the batch that the plate came with."),
)


def load_pandas_alone() -> None:
    """Load pandas without PyArrow, which it takes along where it is installed: 60 ms and 40 MB for types we never use.

    For commands that do not load PyArrow themselves.
    """
    if "pandas" in sys.modules or "pyarrow" in sys.modules:
        return
    sys.modules["pyarrow"] = None  # type: ignore[assignment]  # says to pandas that it is not installed
    try:
        importlib.import_module("pandas")
    finally:
        del sys.modules["pyarrow"]
    gc.freeze()  # what it made stays: a search for garbage need not look through it, 60 ms each time


def log_cost() -> None:
    """Say what the command took so far; the log of a job in the workflow keeps it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    peak = usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    log.info("%.1f s of CPU, %.0f MB of memory at the peak", usage.ru_utime + usage.ru_stime, peak)


def available_threads() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def write_qc(qc: pd.DataFrame, path: Path | None) -> None:
    """Write QC rows where asked."""
    if path is not None:
        from beadwork.io.files.tables import write_table

        write_table(qc, path)


def check_outputs(outputs: Iterable[Path | None], inputs: Iterable[Path | None] = ()) -> None:
    """Refuse outputs that cannot be written, or would replace each other or an input, before any work is done.

    Raises
    ------
    ParameterError
        Two outputs have one name, or an output has the name of an input.
    FileError
        An output is a folder, or what should be its folder is a file.
    """
    from beadwork.model.errors import FileError, ParameterError

    sources = {path.resolve() for path in inputs if path is not None}
    seen: set[Path] = set()
    for path in (path for path in outputs if path is not None):
        place = path.resolve()
        if place in seen:
            raise ParameterError(f"{path}: two outputs have the same name; give each its own")
        if place in sources:
            raise ParameterError(f"{path}: is an input, which the output would replace; choose another name")
        if place.is_dir():
            raise FileError(f"{path}: is a folder, but a file is to be written there; choose another name")
        above = next(folder for folder in place.parents if folder.exists())
        if not above.is_dir():
            raise FileError(f"{path}: cannot be written, since {above} is a file and not a folder; choose another name")
        seen.add(place)


def progress(items: Iterable[Any], label: str, length: int | None = None) -> Iterable[Any]:
    """Iterate with a progress bar on a terminal, silently elsewhere."""
    if not sys.stderr.isatty():
        yield from items
        return
    with click.progressbar(items, label=label, length=length, file=sys.stderr) as bar:
        yield from bar


def starter(threads: int) -> Path:
    """Index of the library that ships, for commands that were named none; what it can answer is said."""
    from beadwork.api import ConnectivityIndex
    from beadwork.api.library.starter import starter_index, starter_words

    path = starter_index(threads)
    log.warning("%s", starter_words(len(ConnectivityIndex.open(path))))
    return path


@contextmanager
def show_progress() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows what is being done on the last line of a terminal; elsewhere nothing is shown."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    try:
        yield lambda text: click.echo(f"\r\x1b[K{text}", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


def _set_logging(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("beadwork: %(levelname)s: %(message)s"))
    handler.addFilter(_lower_levelname)
    log.handlers[:] = [handler]
    log.setLevel(level.upper())
    log.propagate = False


def _lower_levelname(record: logging.LogRecord) -> bool:
    record.levelname = record.levelname.lower()
    return True
