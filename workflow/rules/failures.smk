"""What fails is said, the rest goes on.

A run in which plates failed starts Snakemake once more without them, so that signatures, index, QC and report are made of
the others; `failed.tsv` in the results says what failed, and so do the last lines. `strict: true` ends such a run instead.
"""

import atexit
import json
import os
import subprocess
import sys

import snakemake.persistence
from snakemake.jobs import Job

FAILED = Path(CFG.results) / "failed.tsv"
FAILED_COLUMNS = ("plate", "stage", "message", "log", "attempt")
SAYS = "beadwork: error: "
"""How a command begins to say what is wrong with its input; it exits with code 2 then."""


def text_of(log):
    """Text of the log of a job, from the storage if jobs run elsewhere; empty if there is none."""
    if STORED and not SHARED:
        try:
            workflow.async_run(log.storage_object.managed_retrieve())
        except Exception as error:  # whatever a storage has to say
            logger.debug(f"{log}: {error}")
    try:
        return Path(log).read_text(errors="replace")
    except OSError:
        return ""


def last_words(log):
    """What a log says at last of a failure, and whether further attempts can help: what is wrong with the input stays."""
    lines = text_of(log).splitlines()
    if not lines and not Path(log).is_file():
        return "", True
    said = [line.removeprefix(SAYS) for line in lines if line.startswith(SAYS)]
    if said:
        return said[-1], False
    lines = [line for line in lines if line.strip()]
    if any(line.startswith("Traceback") for line in lines):
        return lines[-1].strip(), True
    return (
        "ended without a message: memory, time or the node, or a program that is not there",
        True,
    )


# Snakemake tries a failed job again whatever its reason; a job of a batch system would wait in its queue for nothing
_restarts = Job.restart_times.fget
Job.restart_times = property(
    lambda job: _restarts(job) if all(last_words(log)[1] for log in job.log) else 0
)


def keep_one_copy(kind):
    """Have Snakemake's copies of what a job is to replace overwritten, not refused, where a killed run left one.

    A job that fails without an earlier file has none to bring back, which needs no line for each of its outputs.
    """
    copy, bring_back = kind.backup_output, kind.restore_output

    def backup_output(self, path):
        self.cleanup_backup(path)
        copy(self, path)

    def restore_output(self, path):
        return self._get_backup_path(path).exists() and bring_back(self, path)

    kind.backup_output, kind.restore_output = backup_output, restore_output


for kind in list(vars(snakemake.persistence).values()):
    if isinstance(kind, type) and "backup_output" in vars(kind):
        keep_one_copy(kind)


def stage_of(job, log):
    """Stage at which a job failed: its own, by the folder of its log, or the step that a plate says it does."""
    beneath = Path(log.partition(f"{CFG.results}/logs/")[2]).parts
    if not beneath:  # a rule of a workflow that uses this one
        return job.rule.name
    stage = beneath[0].removesuffix(".log")
    steps = re.findall(r"^beadwork: info: .*: step (\w+)$", text_of(log), re.MULTILINE)
    return steps[-1] if steps and stage == "plate" else stage


def place_of(log):
    """Where a log is, for a reader."""
    return log.storage_object.print_query if STORED and log else str(log)


def failed_jobs():
    """Jobs that failed for good in this run; of a group, those that began and did not end."""
    for job in workflow.scheduler.failed:
        if not job.is_group():
            yield job
            continue
        begun = [one for one in job.jobs if any(Path(log).is_file() for log in one.log)]
        broken = [
            one for one in begun if not all(Path(file).exists() for file in one.output)
        ]
        yield from broken or begun


def failures():
    """Rows of failed.tsv, and what is to be left out because of them: plates, figures, queries."""
    rows, out = [], {"plates": [], "figures": [], "queries": []}
    for job in failed_jobs():
        names, log = job.wildcards, job.log[0] if job.log else ""
        plates = PLATES_OF.get(names.get("brew"), [names.get("plate", "")])
        stage, message = stage_of(job, log), last_words(log)[0]
        rows += [
            (plate, stage, message, place_of(log), str(job.attempt)) for plate in plates
        ]
        if stage.startswith("figures_"):
            out["figures"] += map(str, job.output)
        elif names.get("query"):
            out["queries"].append(names.query)
        else:
            out["plates"] += filter(None, plates)
    return sorted(rows), out


def write_failed(rows):
    """Write failed.tsv, whole or not at all; none if nothing failed."""
    if not rows:
        FAILED.unlink(missing_ok=True)
        return
    cells = [FAILED_COLUMNS, *rows]
    text = "".join(
        "\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in cells
    )
    FAILED.parent.mkdir(parents=True, exist_ok=True)
    beside = FAILED.with_name(f".{FAILED.name}.{os.getpid()}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(FAILED)


def read_failed():
    """Rows of failed.tsv."""
    try:
        lines = FAILED.read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return []
    return [tuple(line.split("\t")) for line in lines]


MOST_FAILURES = 20


def failure_lines(rows, study):
    """The last lines of a run in which something failed; `study` says what that means for the rest."""
    if not rows:
        return []
    lines = [f"failed      {len(rows)}, with messages and logs in {FAILED}:"]
    for plate, stage, message, log, attempt in rows[:MOST_FAILURES]:
        tried = f", {attempt} attempts" if attempt != "1" else ""
        lines.append(f"  {plate or 'study'}: {stage}: {message} ({log}{tried})")
    if len(rows) > MOST_FAILURES:
        lines.append(f"  ... and {len(rows) - MOST_FAILURES} more")
    lines.append(
        f"how to go on: {study}; put right what the messages say and start again (only that and what depends on it is "
        "made), or say use: no in the plate sheet"
    )
    return lines


FORCED = {"-F", "--forceall", "-f", "--force", "-R", "--forcerun"}


def command_again():
    """The command line of this run without what it forced, or None if the run was not started by one."""
    program, *words = sys.argv
    again, skip = [], False
    for word in words:
        skip = word in FORCED or (skip and not word.startswith("-"))
        again += [] if skip else [word]
    if Path(program).name == "snakemake":
        return [sys.executable, program, "--nolock", *again]
    if Path(program).parts[-2:] == ("snakemake", "__main__.py"):
        return [sys.executable, "-m", "snakemake", "--nolock", *again]
    return None


def whole_run_is_cut():
    """Whether this run was to make a part only."""
    asked = workflow.dag_settings
    return asked.targets or asked.until or asked.omit_from or asked.batch


def whole_run():
    """Whether this run was to make everything, and was not stopped."""
    scheduler = workflow.scheduler
    return PLANNING and not (
        whole_run_is_cut()
        or scheduler.running
        or getattr(scheduler, "_user_kill", None)
    )


def before_the_run(log=None):
    """What failed in an earlier run is tried again."""
    if PLANNING and LEFT_OUT is NOTHING and not whole_run_is_cut():
        FAILED.unlink(missing_ok=True)


def failed_input():
    """What failed, as input of the study's steps; without a storage they find it in the folder of results."""
    return here(str(FAILED)) if STORED and LEFT_OUT is not NOTHING else []


def last_lines():
    """Where everything is, and what failed; the run that was started says it, not those that go on from it."""
    if LEFT_OUT is NOTHING:
        rows = read_failed()
        print(
            "\n".join(
                [
                    closing_lines(),
                    *failure_lines(rows, "the study was made of the others"),
                ]
            ),
            flush=True,
        )


def after_success(log=None):
    """Say where everything is; what a run for single files has made has not failed any more."""
    if PLANNING and LEFT_OUT is NOTHING and (rows := read_failed()):
        made = {place_of(log) for job in workflow.dag.jobs for log in job.log}
        write_failed(
            [row for row in rows if row[FAILED_COLUMNS.index("log")] not in made]
        )
    if PLANNING:
        last_lines()


def after_failure(log=None):
    """Go on without what failed, or say what there is."""
    if not PLANNING:
        return
    rows, out = failures()
    if not rows:
        return
    known = read_failed() if LEFT_OUT is not NOTHING else []
    if rows and not workflow.scheduler.running:
        write_failed([*known, *(row for row in rows if row not in known)])
    again = command_again()
    rest = set(PLATES) - set(out["plates"])
    if not CFG.strict and rest and any(out.values()) and again and whole_run():
        out = {key: [*LEFT_OUT[key], *items] for key, items in out.items()}
        file = Path(".snakemake", "beadwork_left_out.json")
        file = file.absolute() if SHARED else file
        file.write_text(json.dumps(out))
        print(
            f"going on without what failed: {', '.join(sorted({row[0] or row[1] for row in rows})[:5])} ...",
            flush=True,
        )
        done = subprocess.run(again, env={**os.environ, "BEADWORK_LEFT_OUT": str(file)})
        if done.returncode == 0:
            last_lines()
        sys.exit(done.returncode)
    report_what_there_is()
    alone = not (CFG.strict or rest)
    study = (
        "there are no others to make the study of"
        if alone
        else "the study waits for them"
    )
    print("\n".join(failure_lines(read_failed(), study)), flush=True)


def nothing_was_to_do():
    """Nothing failed of what the sheet and the configuration still name: Snakemake ends such a run without saying so."""
    planned = getattr(workflow, "scheduler", None) is not None and not len(workflow.dag)
    if planned and not (workflow.dryrun or workflow.touch or whole_run_is_cut()):
        FAILED.unlink(missing_ok=True)


if PLANNING and LEFT_OUT is NOTHING:
    atexit.register(nothing_was_to_do)


# a module's onsuccess and onerror are not called; those of the workflow that uses it replace these
workflow._onstart, workflow._onsuccess, workflow._onerror = (
    before_the_run,
    after_success,
    after_failure,
)
