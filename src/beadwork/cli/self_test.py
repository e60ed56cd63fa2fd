"""``beadwork self-test``: the whole path on a tiny plate."""

from pathlib import Path

import click

from beadwork.cli.options import log_option, threads_option


@click.command("self-test")
@threads_option
@log_option
def command(threads: int) -> None:
    """Run every stage once on two tiny simulated plates, in a temporary folder.

    It shows that the installation works, and it compiles the kernels, which are then kept for later runs (beside the
    program, or in NUMBA_CACHE_DIR if that is set).
    """
    import contextlib
    import io
    import tempfile
    import time

    from beadwork.cli import cli

    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="beadwork-") as folder:
        for step in steps(Path(folder), threads):
            with contextlib.redirect_stderr(io.StringIO()):
                cli.main(args=[*step, "--log-level", "error"], standalone_mode=False)
    click.echo(f"beadwork works; kernels are compiled ({time.perf_counter() - start:.0f} s)")


def steps(folder: Path, threads: int) -> list[list[str]]:
    """Command lines of the whole path, in order."""
    share = ["--threads", str(threads)]
    study, plates = folder / "study", [f"SIM001_A375_24H_X{number}_B20" for number in (1, 2)]
    lines = [["simulate", "-o", f"{study}", "--plates", "2", "--wells", "24", "--beads-mean", "30", *share]]
    for plate in plates:
        raw = ["deconvolve", f"{study}/lxb/{plate}", "--map", f"{study}/maps/{plate}.map", *share, "-o"]
        calibrators = f"{folder}/{plate}_CAL.gctx"
        lines += [
            [*raw, f"{folder}/{plate}_kspeak.gctx", "--method", "kspeak"],
            [*raw, f"{folder}/{plate}_GEX.gctx", "--calibrators", calibrators],
            ["normalize", f"{folder}/{plate}_GEX.gctx", "--calibrators", calibrators, "-o", f"{folder}/{plate}_Q.gctx"],
            ["infer", f"{folder}/{plate}_Q.gctx", "-o", f"{folder}/{plate}_INF.gctx"],
            ["zscore", f"{folder}/{plate}_INF.gctx", "-o", f"{folder}/{plate}_Z.gctx"],
        ]
    z = [f"{folder}/{plate}_Z.gctx" for plate in plates]
    modz, siginfo, index = f"{folder}/MODZ.gctx", f"{folder}/siginfo.tsv", f"{folder}/index"
    up, down = (f"{study}/truth/mechanisms_{side}.gmt" for side in ("up", "dn"))
    return [
        *lines,
        ["consensus", *z, "-o", modz, "--siginfo", siginfo],
        ["index", "build", index, modz, "--siginfo", siginfo, *share],
        ["query", index, "--up", up, "--down", down, "-o", f"{folder}/answers", *share],
    ]
