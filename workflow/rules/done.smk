"""Done is done: which plates need their beads, and what an upgrade means for those that are there.

A plate whose level 2 is there needs its beads no more, in plan and run: they may be archived (column `archived` of the
plate sheet) or purged. What is whole and as it would be made now has no job at all.
"""

import ast
import functools
import os
import sys

from snakemake.io import IOFile

# what `beadwork plate` does with files of other compatibility numbers; no parameter of a rule, for that would run it anew
os.environ.update(BEADWORK_ON_UPGRADE="rerun" if CFG.on_upgrade == "rerun" else "keep")

CURRENT = current_numbers()
ARCHIVED = " (archived)"


def folder_of(plate):
    """Folder of the results of a plate."""
    return Path(CFG.results, plate)


@functools.cache
def beads_are_there(path):
    """Whether there are beads; a folder that was emptied has none, and what is in a storage is not looked for."""
    if is_stored(path):
        return True
    try:
        with os.scandir(path) as files:
            return next(files, None) is not None or STORED
    except OSError:
        return Path(path).is_file() or STORED


def has_beads(row):
    """Whether the beads of a plate are to be looked for, and found."""
    return row.archived != "yes" and beads_are_there(row.lxb)


# a workflow that comes from a repository has no tables beside it: those of the jobs' environment are not looked at
TABLES = Path(sys.modules["beadwork"].__file__).parent
TABLES = [TABLES / "resources", TABLES.parent.parent / "resources"]
TABLES = next((folder for folder in TABLES if folder.is_dir()), None)
EDITED = edited_tables(TABLES) if TABLES and PLANNING else {}


def own_files(plate):
    """Files of the user's own, by role, that a plate is made with; their content counts, not their date."""
    row = PLATES[plate]
    files = {"map": row.map, "model": CFG.infer.model}
    if (row.bead_set or "").endswith(".tsv"):
        files["bead_set"] = row.bead_set
    return {role: Path(path) for role, path in files.items() if path}


def other_content(plate, state):
    """Files whose content is not what the plate was made with, by role or name."""
    row, batch = PLATES[plate], None
    if BEAD_BATCHES in EDITED and TABLES:
        table = (TABLES / BEAD_BATCHES).read_text(encoding="utf-8")
        batch = batch_of(table, plate, row.bead_batch, row.bead_set)
    return state.other_content(own_files(plate), EDITED, batch)


def own_file(role):
    """Input function of a file of the user's own: where its content is recorded, its date does not count."""

    def of_plate(wildcards):
        path = own_files(wildcards.plate).get(role)
        if path is None:
            return []
        if CFG.stages == "separate" or STORED:
            return here(str(path))
        records = state_of(wildcards.plate).records
        return ancient(str(path)) if is_known(records, role, path) else str(path)

    return of_plate


class Needs(dict):
    """What a plate needs to be made: its beads, level 2, or nothing."""

    def __missing__(self, plate):
        self[plate] = self.look(plate, PLATES[plate])
        return self[plate]

    def look(self, plate, row):
        """Look at what there is of a plate; only of those without beads is the record read."""
        if has_beads(row):
            return "beads"
        state = state_of(plate)
        if (
            not state.has_level_2 or CFG.stages == "separate"
        ):  # whose later steps are jobs
            return "nothing" if has_level_2(CFG.results, plate) else "beads"
        other = state.other_beads(CFG.deconvolve, row.bead_set)
        if other and PLANNING:
            logger.warning(
                f"{plate}: its beads are archived, and it stays as it is: {', '.join(other[:3])}"
            )
        if other:
            return "nothing"
        labels = {"cell_id": row.cell_id, "brew_prefix": row.brew_prefix}
        labels |= {"batch": row.batch}
        sections = {
            name: getattr(CFG, name) for name in ("normalize", "infer", "zscore")
        }
        changed = state.other_rest(sections, labels) or other_content(plate, state)
        lacks = any(not Path(path).is_file() for path in files_of(plate))
        older = CFG.on_upgrade == "rerun" and upgraded(
            made_with(folder_of(plate)), ("normalize", "infer", "zscore")
        )
        return "level 2" if changed or lacks or older or not PLANNING else "nothing"


@functools.cache
def patterns_of_plate(vehicles):
    """Files that the rule of a plate makes, as patterns."""
    files = plate_files(vehicles)
    if CFG.stages == "separate":
        del files["record"]
    return [str(path).replace("<results>", CFG.results) for path in files.values()]


def files_of(plate):
    """Files that the rule of a plate makes."""
    patterns = patterns_of_plate(has_vehicles(plate))
    return [path.replace("{plate}", plate) for path in patterns]


@functools.lru_cache(16)
def state_of(plate):
    """What was made of a plate; asked several times one after the other."""
    return PlateState.read(folder_of(plate))


NEEDS = Needs()


def stored(path):
    """A path as an input: by the storage that its address names (`fs://` is that of the plugin fs).

    Without an address it is a file that all jobs see, or else stands in the storage of all other files.
    """
    if not is_stored(path):
        return here(path) if STORED and SHARED and os.path.exists(path) else path
    kind, _, rest = path.partition("://")
    return storage.fs(rest) if kind == "fs" else storage(path)


def asked_for(plate):
    """Whether files of a plate stand on the command line: Snakemake wants a job for these."""
    return any(f"/{plate}/" in str(path) for path in workflow.dag_settings.targets)


MOST_READ = 10 << 30
"""Bytes of beads with a new date that a plan reads, to see whether they are what they were; jobs read the others."""


class TouchedBeads(dict):
    """Whether the beads of a plate have a new date and the content that is recorded; what was read once is noted."""

    notes = Path(".snakemake", "beadwork_beads.json")

    def __init__(self):
        super().__init__()
        self.room, self.left = MOST_READ, 0
        try:
            self.known = json.loads(self.notes.read_text())
        except (OSError, ValueError):
            self.known = {}

    def __missing__(self, plate):
        self[plate] = PLANNING and self.look(plate, Path(PLATES[plate].lxb))
        return self[plate]

    def look(self, plate, path):
        """Read the beads if they are newer than a file of the plate."""
        try:
            made = min(os.stat(file).st_mtime_ns for file in files_of(plate))
            date = path.stat().st_mtime_ns
        except OSError:
            return False
        if date <= made or not (state := state_of(plate)).has_level_2:
            return False
        deconvolve = state.steps["deconvolve"]
        note = [str(path), date, deconvolve["record"]["inputs"], deconvolve["beside"]]
        if self.known.get(plate) == note:
            return True
        files = [path] if path.is_file() else list(path.iterdir())
        self.room -= sum(file.stat().st_size for file in files)
        if self.room < 0:
            self.left += 1
            return False
        try:
            from beadwork.api.runs.raw_beads import same_beads
        except ModuleNotFoundError:  # where only Snakemake is installed: the job looks
            return False
        same = same_beads(folder_of(plate), plate, path)
        if same and self.notes.parent.is_dir():
            self.known[plate] = note
            self.notes.write_text(json.dumps(self.known))
        return same


TOUCHED = TouchedBeads()


def local_beads(plate):
    """Beads of a plate as an input: by the storage of an address, and without their date where only that is new."""
    path = PLATES[plate].lxb
    if STORED or is_stored(path):
        return stored(path)
    return ancient(path) if TOUCHED[plate] else path


def beads_of(wildcards):
    """Beads of a plate as input: none if level 2 does, a file that is not there if nothing is to be done.

    Snakemake takes the files of a plate as they are where what they are made of is not there.
    """
    plate = wildcards.plate
    need = NEEDS[plate]
    if need == "beads":
        return local_beads(plate)
    if need == "nothing" and (CFG.stages == "separate" or not asked_for(plate)):
        return PLATES[plate].lxb + ARCHIVED
    return []


def beads_flags(wildcards, input):
    """Where the beads of a plate are, for a command."""
    if input.get("lxb"):
        return shlex.quote(str(input.lxb))
    return f"{shlex.quote(PLATES[wildcards.plate].lxb)} --archived"


def beads_to_draw(wildcards):
    """Beads of a plate for its figures; without them, the figures that are there stay."""
    row = PLATES[wildcards.plate]
    if not has_beads(row):
        return row.lxb + ARCHIVED
    return local_beads(wildcards.plate)


def can_be_drawn(plate):
    """Whether a plate has figures or can have them."""
    return has_beads(PLATES[plate]) or exists(f"{CFG.results}/report/{plate}/wells.svg")


def upgraded(numbers, steps=tuple(CURRENT)):
    """Whether a plate of these numbers was made by a version whose steps gave other bytes than those of this one."""
    return any(numbers.get(step, CURRENT[step]) != CURRENT[step] for step in steps)


class Nothing:
    """A parameter that Snakemake does not keep, so that rules may get one without running anew."""

    def __str__(self):
        return ""


def kept_text(path, start):
    """What Snakemake keeps of a parameter since a file was made, by how it starts; None if it keeps none."""
    texts = map(ast.literal_eval, workflow.persistence.params(IOFile(str(path))) or ())
    texts = [text for text in texts if isinstance(text, str)]
    found = [text for text in texts if text.startswith(start)]
    return found[0] if found else "" if "" in texts else None


def as_kept(path, start, now, reasons):
    """Parameter that says how a file is made: the text that Snakemake keeps of it, unless there is a reason to make it anew."""
    if not PLANNING:
        return ""
    if STORED:  # what there is says so itself, and is not fetched to be asked
        return now if CFG.on_upgrade == "rerun" else ""
    if reasons:
        return f"{now}; {'; '.join(reasons)}"
    kept = kept_text(path, start)
    return now if kept is None else kept


def content_reason(names):
    """Reason to make a file anew: inputs whose content is not what is recorded, with some digits of what it is."""
    return [f"other content: {', '.join(names)}"] if names else []


def numbers_of(wildcards):
    """Parameter of a plate: its compatibility numbers, and why it is to be made anew, if it is."""
    plate = wildcards.plate
    found = made_with(folder_of(plate)) if PLANNING else {}
    now = numbers_text(CURRENT)
    reasons = []
    if found and CFG.on_upgrade == "rerun" and upgraded(found):
        reasons.append(f"were {numbers_text(found)}")
    elif found:
        now = numbers_text(found)
    if found:
        reasons += content_reason(other_content(plate, state_of(plate)))
    file = folder_of(plate) / f"{plate}_ZSPC.gctx"
    return as_kept(file, "deconvolve ", now, reasons)


def number_of(step, pattern, tables=(), inputs=None):
    """Parameter of a later step: the number of its matrix, and why it is to be made anew, if it is."""

    def of_job(wildcards):
        path = Path(pattern.format(results=CFG.results, **dict(wildcards.items())))
        record = matrix_record(path) if PLANNING else None
        changed = other_tables(record, tables, EDITED) if record else []
        changed += other_inputs([record], inputs or {}) if record else []
        return number_text(path, step, record, content_reason(changed))

    return of_job


def number_text(path, step, record, reasons=()):
    """Compatibility number under which a file is, or will be made, and reasons to make it anew."""
    found = COMPATIBILITY[step] if record is None else compatibility_of(record)
    reasons = list(reasons)
    if found != COMPATIBILITY[step] and CFG.on_upgrade == "rerun":
        reasons.insert(0, f"was {step} {found}")
        found = COMPATIBILITY[step]
    now = f"{step} {found}"
    return as_kept(path, f"{step} ", now if found != 1 or reasons else "", reasons)


def number_of_study(step, folder=None):
    """Parameter of a step of the whole study: its number, for an index the one of its manifest."""

    def of_job(wildcards):
        if folder is None:  # made of everything at once: nothing of it can mix
            number = COMPATIBILITY[step]
            return f"{step} {number}" if number != 1 else Nothing()
        record = index_record(Path(CFG.results, folder)) if PLANNING else None
        file = Path(CFG.results, folder, "manifest.json")
        return number_text(file, step, record) or Nothing()

    return of_job


OWN_MODEL = (
    {"noise": Path(NOISE_MODEL)} if CFG.noise not in ("off", "default", "own") else {}
)
NOISE_TABLES = (GENES,) if NOISE_MODEL else (GENES, NOISE)


def noise_input(wildcards):
    """The noise model: one learned from the study is kept, one of the user's counts by its content."""
    if not NOISE_MODEL:
        return []
    if CFG.noise == "own":
        return ancient(NOISE_MODEL)
    path = Path(CFG.results, wildcards.plate, f"{wildcards.plate}_ZSNC.gctx")
    record = matrix_record(path)
    known = record and is_known([record], "noise", Path(NOISE_MODEL))
    return ancient(NOISE_MODEL) if known else here(NOISE_MODEL)


def level_numbers(step, level, names):
    """What there is of a level and was made under another number, with that number, and what is still to be made."""
    older, new = {}, set()
    for name, folder in names.items():
        record = matrix_record(Path(CFG.results, folder, f"{name}_{level}.gctx"))
        if record is None:
            new.add(name)
        elif compatibility_of(record) != COMPATIBILITY[step]:
            older[name] = f"{step} {compatibility_of(record)}"
    return older, new, f"{step} {COMPATIBILITY[step]}"


def what_mixes():
    """Of plates, brews and indices: those of another number, and the new ones that would stand beside them."""
    found = {plate: made_with(folder_of(plate)) for plate in PLATES}
    older = {
        plate: numbers_text(numbers)
        for plate, numbers in found.items()
        if upgraded(numbers)
    }
    new = {plate for plate, numbers in found.items() if not numbers}
    yield ("plate", "plates"), older, new, numbers_text(CURRENT)
    plates = {plate: plate for plate in PLATES}
    brews = dict.fromkeys(BREWS, "signatures")
    anew = {PLATES[plate].brew for plate in new}
    kinds = [(("brew", "brews"), "consensus", "MODZ", brews, "index")]
    if CFG.noise != "off":
        one, many = "cleaned plate", "cleaned plates"
        kinds.append(((one, many), "denoise", "ZSNC", plates, ""))
        one, many = "cleaned brew", "cleaned brews"
        kinds.append(((one, many), "consensus", "MNZ", brews, "index_MNZ"))
    for words, step, level, names, index in kinds:
        older, absent, now = level_numbers(step, level, names)
        absent |= anew if names is brews else set()
        older = {name: number for name, number in older.items() if name not in absent}
        yield words, older, absent, now
        record = index_record(Path(CFG.results, index)) if index else None
        now = COMPATIBILITY["index"]
        number = now if record is None else compatibility_of(record)
        other = {index: f"index {number}"} if number != now else {}
        yield ("index", "indices"), other, absent, f"index {now}"


def say_what_mixes():
    """Say before the run what of different versions would stand side by side; refuse it if that is asked."""
    if STORED and CFG.on_upgrade == "refuse":
        raise WorkflowError(
            "on_upgrade: refuse: files in a storage are not fetched for the plan, so that it cannot tell what an upgrade"
            " would mix; say keep or rerun"
        )
    if STORED or CFG.on_upgrade == "rerun":
        return
    for (one, many), older, new, now in what_mixes():
        if not older:
            continue
        first, numbers = next(iter(older.items()))
        were = f"1 {one} was" if len(older) == 1 else f"{len(older)} {many} were"
        text = f"{were} made by a version whose bytes differ ({first}: {numbers}; now: {now})"
        if new:
            text += f" and would stand beside {counted(len(new), 'new one')}"
        brews = {PLATES[plate].brew for plate in older} if one == "plate" else set()
        brews = sorted(brews & {PLATES[plate].brew for plate in new}) if brews else []
        if brews:
            text += f", in {counted(len(brews), 'brew')} within one signature ({name_some(brews)})"
        if new and CFG.on_upgrade == "refuse":
            raise WorkflowError(
                f"{text}; on_upgrade: rerun makes them anew, keep lets them mix"
            )
        logger.warning(f"{text}; on_upgrade: rerun makes them anew")


def say_what_is_archived():
    """Say how many plates are done without their beads, and which need beads that are not there."""
    without = {
        plate: NEEDS[plate] for plate, row in PLATES.items() if not has_beads(row)
    }
    needs = list(without.values())
    words = [("nothing", "stays as it is", "stay as they are")]
    words += [("level 2", "goes on from level 2", "go on from level 2")]
    words = [counted(needs.count(need), one, many) for need, one, many in words]
    lost = [plate for plate, need in without.items() if need == "beads"]
    there = [plate for plate in lost if beads_are_there(PLATES[plate].lxb)]
    lost = [plate for plate in lost if plate not in there]
    if without:
        logger.info(
            f"{counted(len(without), 'plate')} whose beads are archived or not there: {', '.join(words)}"
        )
    if there:
        logger.warning(
            f"{counted(len(there), 'plate')} of them {agree(len(there), 'is')} made of beads, which are there: level 2"
            f" is not ({name_some(there)})"
        )
    if lost:
        logger.warning(
            f"{counted(len(lost), 'plate')} {agree(len(lost), 'needs')} beads that are not there, and will fail:"
            f" {name_some(lost)}"
        )


if PLANNING:
    say_what_mixes()
    say_what_is_archived()
