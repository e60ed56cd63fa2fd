"""The command as a whole: help, exit codes, and a start that is light."""

import importlib
import subprocess
import sys

import click
import pytest

import beadwork
from beadwork import __version__
from beadwork.cli import COMMANDS, main
from beadwork.model.errors import FileError

HEAVY = {"numpy", "pandas", "scipy", "numba", "h5py", "matplotlib", "statsmodels", "anndata", "pyarrow", "snakemake"}


def modules_loaded_by(*words: str) -> set[str]:
    code = "import sys; from beadwork.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
    code += "print('\\n'.join(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=300)
    assert "Usage: beadwork" in done.stdout
    return set(done.stderr.split())


def test_help_lists_every_command(run):
    outcome = run("--help")
    assert outcome.code == 0
    for name, (_, text) in COMMANDS.items():
        assert name in outcome.out
        assert text.split()[0] in outcome.out
    assert run("-h").out == outcome.out


def test_version(run):
    assert run("--version").out == f"beadwork, version {beadwork.__version__}\n"


def test_help_loads_nothing_heavy():
    assert not modules_loaded_by("--help") & (HEAVY | {"pydantic"})


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_of_a_command(run, name):
    if importlib.util.find_spec(f"beadwork.cli.{COMMANDS[name][0]}") is None:
        pytest.fail(f"the command {name} is listed, but has no module")
    outcome = run(name, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: beadwork {name}")


def test_help_of_a_command_loads_neither_pandas_nor_numba():
    code = "import sys; from beadwork.cli import COMMANDS, main\n"
    code += "for name in COMMANDS:\n    try: main([name, '--help'])\n    except SystemExit: pass\n"
    code += "    print(name, *sorted({'pandas', 'numba', 'h5py', 'scipy'} & set(sys.modules)), file=sys.stderr)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    loaded = dict(line.partition(" ")[::2] for line in done.stderr.splitlines())
    assert {name: modules for name, modules in loaded.items() if modules} == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("simulat",), "no command 'simulat'; did you mean 'simulate'? (see `beadwork --help`)"),
        (("zzz",), "no command 'zzz'; `beadwork --help` lists them."),
        (("--colour",), "No such option"),
        (("deconvolve", "--threads", "many", "a"), "'many' is not a valid integer"),
        (("deconvolve", "--threads", "-1", "a"), "-1 is not in the range x>=0"),
        (("convert", "--log-level", "loud", "a", "b"), "'loud' is not one of 'debug', 'info', 'warning', 'error'"),
    ],
)
def test_wrong_words(run, words, message):
    outcome = run(*words)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.startswith("beadwork: error: ")
    assert outcome.err.count("\n") == 1


@pytest.fixture
def broken(monkeypatch):
    """Put a command in place that fails as said."""

    def put(error: BaseException) -> None:
        def fail() -> None:
            raise error

        module = importlib.import_module("beadwork.cli.convert")
        monkeypatch.setattr(module, "command", click.Command("convert", callback=fail))

    return put


def test_user_errors_exit_2_with_one_line(run, broken):
    broken(FileError("x.gctx: is empty;\nmake it anew"))
    assert run("convert") == (2, "", "beadwork: error: x.gctx: is empty; make it anew\n")


def test_bugs_show_their_traceback(broken):
    broken(ZeroDivisionError("bug"))
    with pytest.raises(ZeroDivisionError):
        main(["convert"])


def test_bugs_exit_1():
    code = "from beadwork.cli import main; import beadwork.cli.convert as c, click\n"
    code += "def fail(): raise ZeroDivisionError('bug')\n"
    code += "c.command = click.Command('convert', callback=fail); main(['convert'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_an_interruption_says_so(run, broken):
    broken(KeyboardInterrupt())
    outcome = run("convert")
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err.strip() == "beadwork: interrupted; nothing half-written is left behind"


def test_module_of_every_command_has_a_command():
    for name, (module, _) in COMMANDS.items():
        found = importlib.import_module(f"beadwork.cli.{module}").command
        assert isinstance(found, click.Command), name
        assert found.name == name
        assert found.help, f"{name} does not say what it does"


@pytest.mark.parametrize(
    ("workflow", "code", "said"),
    [("", 0, ""), (__version__, 0, ""), (f"{__version__}1", 0, "beadwork: warning: the workflow is of beadwork"),
     ("99.0.0", 2, "beadwork: error: the workflow is of beadwork 99.0.0, but the environment of its jobs has")],
)  # fmt: skip
def test_the_version_of_the_workflow_is_compared(monkeypatch, capsys, workflow, code, said):
    monkeypatch.setenv("BEADWORK_WORKFLOW", workflow)
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
        sys.exit(0)
    assert stop.value.code == code
    assert capsys.readouterr().err.startswith(said)
