"""The ``beadwork`` command: one subcommand per stage, each in its own file, imported only when it is called."""

import atexit
import gc
import importlib
import os
import re
import sys
from typing import Any

import click

from beadwork import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module, one-line help shown by `beadwork --help`)
    "sheet": ("sheet", "Folders and archives of LXB files -> plates.tsv and maps."),
    "plate": ("plate", "LXB beads of a plate -> ZSPC and ZSVC: the steps of levels 2 to 4 in one process."),
    "deconvolve": ("deconvolve", "LXB beads of a plate -> GEX, one value per gene and well (level 2)."),
    "normalize": ("normalize", "GEX -> QNORM: LISS scaling, outlier wells, quantile normalisation (level 3)."),
    "infer": ("infer", "QNORM -> INF: 11,350 genes inferred from the 978 landmarks (level 3)."),
    "train-inference": ("train_inference", "Fit an inference model on an expression matrix."),
    "zscore": ("zscore", "INF -> ZSPC or ZSVC: robust z-scores (level 4)."),
    "train-noise": ("train_noise", "Learn the noise that wells share from replicates and control wells."),
    "denoise": ("denoise", "ZSPC -> ZSNC (level 4), MODZ -> MNZ (level 5): without the noise that wells share."),
    "consensus": ("consensus", "ZSPC of replicate plates -> MODZ signatures and their siginfo (level 5)."),
    "check-plates": ("check_plates", "Find swapped plates, shifted maps, wrong cell lines and bead sets."),
    "index": ("index", "Build, inspect and verify a connectivity index."),
    "library": ("library", "Make a reference index of LINCS, GEO or own files in one command."),
    "signature": ("signature", "Differential data, or values and two groups -> signatures that query takes."),
    "show": ("show", "Look up a perturbagen, gene, cell, signature or class in an index."),
    "query": ("query", "Ask an index which signatures connect to gene sets."),
    "explain": ("explain", "Say which mechanisms, targets and genes stand behind an answer."),
    "graph": ("graph", "An index as a graph of compounds and genes, and as vectors of perturbagens."),
    "introspect": ("introspect", "Ask an index with its own signatures: every signature against all."),
    "serve": ("serve", "Show an index in the browser: a local page and JSON API."),
    "simulate": ("simulate", "Make LXB plates with known truth."),
    "check-truth": ("check_truth", "Compare the results of a simulated study with what was planted."),
    "figures": ("figures", "Draw the figures of a plate or a study for the report."),
    "report": ("report", "Write the report of a study: plates, metrics, signatures, queries as pages."),
    "collect": ("collect", "Merge QC or siginfo tables of a run into one."),
    "status": ("status", "Say what a folder of results holds, per plate and level."),
    "provenance": ("provenance", "Print how a signature came to be, from LXB checksums on."),
    "release": ("release", "Write files with the names and columns that LINCS users expect."),
    "convert": ("convert", "Convert between GCT, GCTX, h5ad and parquet."),
    "self-test": ("self_test", "Run every stage once on tiny plates; compiles the kernels."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and helps, and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in pipeline order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the module of a command."""
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"beadwork.cli.{COMMANDS[name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Suggest a near name for a mistyped one."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`beadwork --help` lists them."
            raise click.UsageError(f"no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="beadwork")
def cli() -> None:
    """L1000 signatures from raw Luminex beads, and a connectivity index to query."""


def main(args: list[str] | None = None) -> None:
    """Entry point: user errors exit 2 with one line, bugs exit 1 with a traceback."""
    # a quick start: pydantic need not look through all installed packages for plugins, of which we use none, and what
    # imports make stays, so that looking for garbage often is in vain; nor need it be looked for at the end
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(200_000, 20, 20)
    atexit.register(gc.freeze)
    try:
        check_workflow_version(os.environ.get("BEADWORK_WORKFLOW", ""))
        cli.main(args=args, prog_name="beadwork", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "beadwork"
        _fail(f"{error.format_message()} (see `{command} --help`)")
    except click.ClickException as error:
        _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        print("beadwork: interrupted; nothing half-written is left behind", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        from beadwork.model.errors import BeadworkError

        if not isinstance(error, BeadworkError):
            raise
        _fail(_PARAMETER.sub(lambda found: f"--{found[1].replace('_', '-')}:", str(error)))


_PARAMETER = re.compile(r"^parameter (\w+):")
"""How a library call names what a command has a flag for."""


def check_workflow_version(workflow: str) -> None:
    """Compare the version of the workflow that calls a command with that of the environment the command runs in.

    Raises
    ------
    click.ClickException
        They differ by more than corrections (0.2.0 and 0.2.1), which is only said.
    """
    if not workflow or workflow == __version__:
        return
    where = f"the workflow is of beadwork {workflow}, but the environment of its jobs has beadwork {__version__}"
    if workflow.split(".")[:2] != __version__.split(".")[:2]:
        raise click.ClickException(f"{where}; install beadwork {workflow} there, or take the workflow of {__version__}")
    print(f"beadwork: warning: {where}", file=sys.stderr)


def _fail(message: str) -> None:
    print("beadwork: error: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(2)
