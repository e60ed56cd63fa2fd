"""Done is done: which plates need their beads, and what an upgrade means for those that are there.

A plate whose level 2 is there needs its beads no more, in plan and run: they may be archived (column `archived` of the
plate sheet) or purged. What is whole and as it would be made now has no job at all.
"""

import functools
import os

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


class Needs(dict):
    """What a plate needs to be made: its beads, level 2, or nothing."""

    def __missing__(self, plate):
        self[plate] = self.look(plate, PLATES[plate])
        return self[plate]

    def look(self, plate, row):
        """Look at what there is of a plate; only of those without beads is the record read."""
        if has_beads(row):
            return "beads"
        state = PlateState.read(folder_of(plate))
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
        inputs = {"map": Path(row.map)}
        inputs |= {"model": Path(CFG.infer.model)} if CFG.infer.model else {}
        changed = state.other_rest(sections, labels, inputs)
        lacks = any(not Path(path).is_file() for path in files_of(plate))
        older = CFG.on_upgrade == "rerun" and upgraded(
            plate, ("normalize", "infer", "zscore")
        )
        return "level 2" if changed or lacks or older or not PLANNING else "nothing"


def files_of(plate):
    """Files that the rule of a plate makes."""
    files = plate_files(vehicles=has_vehicles(plate))
    if CFG.stages == "separate":
        del files["record"]
    return [
        str(path).replace("<results>", CFG.results).replace("{plate}", plate)
        for path in files.values()
    ]


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


def beads_of(wildcards):
    """Beads of a plate as input: none if level 2 does, a file that is not there if nothing is to be done.

    Snakemake takes the files of a plate as they are where what they are made of is not there.
    """
    row = PLATES[wildcards.plate]
    need = NEEDS[wildcards.plate]
    if need == "nothing" and (
        CFG.stages == "separate" or not asked_for(wildcards.plate)
    ):
        return row.lxb + ARCHIVED
    if need == "nothing":
        return []
    if need == "level 2":
        return []
    return stored(row.lxb)


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
    return stored(row.lxb)


def can_be_drawn(plate):
    """Whether a plate has figures or can have them."""
    return has_beads(PLATES[plate]) or exists(f"{CFG.results}/report/{plate}/wells.svg")


def upgraded(plate, steps=tuple(CURRENT)):
    """Whether a plate was made by a version whose steps gave other bytes than those of this one."""
    numbers = made_with(folder_of(plate))
    return any(numbers.get(step, CURRENT[step]) != CURRENT[step] for step in steps)


def numbers_of(wildcards):
    """Compatibility numbers under which a plate is, or will be made: those it has, unless it is to be made anew."""
    if (
        STORED and CFG.on_upgrade != "rerun"
    ):  # what there is says so itself, and is not fetched to be asked
        return ""
    numbers = made_with(folder_of(wildcards.plate))
    return numbers_text(
        CURRENT if CFG.on_upgrade == "rerun" or not numbers else numbers
    )


def number_of(step):
    """Compatibility number of a later step, if an upgrade makes it anew."""
    return f"{step} {COMPATIBILITY[step]}" if CFG.on_upgrade == "rerun" else ""


def say_what_mixes():
    """Say before the run what of different versions would stand side by side; refuse it if that is asked."""
    found = {plate: made_with(folder_of(plate)) for plate in PLATES}
    older = [plate for plate, numbers in found.items() if numbers and upgraded(plate)]
    new = {plate for plate, numbers in found.items() if not numbers}
    if not older or CFG.on_upgrade == "rerun":
        return
    brews = sorted(
        {PLATES[plate].brew for plate in older} & {PLATES[plate].brew for plate in new}
    )
    text = (
        f"{len(older)} plates were made by a version whose bytes differ ({older[0]}: {numbers_text(found[older[0]])};"
        f" now: {numbers_text(CURRENT)})"
    )
    if new:
        text += f" and would stand beside {len(new)} new ones"
    if brews:
        text += f", in {len(brews)} brews within one signature ({', '.join(brews[:5])})"
    if new and CFG.on_upgrade == "refuse":
        raise WorkflowError(
            f"{text}; on_upgrade: rerun makes them anew, keep lets them mix"
        )
    logger.warning(f"{text}; on_upgrade: rerun makes them anew")


def say_what_is_archived():
    """Say how many plates are done without their beads."""
    done = [plate for plate, row in PLATES.items() if not has_beads(row)]
    kinds = [NEEDS[plate] for plate in done]
    if done:
        logger.info(
            f"{len(done)} plates whose beads are archived or not there: {kinds.count('nothing')} stay as they are,"
            f" {kinds.count('level 2')} go on from level 2"
        )


if PLANNING:
    say_what_mixes()
    say_what_is_archived()
