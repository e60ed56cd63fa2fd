"""Where files are: on a file system that all jobs share, or in a storage (`--default-storage-provider`).

A storage gives a job the files that its rule declares and keeps those that the rule makes, no others.  So what commands
find by themselves on a file system (segments of an index, pages, all that `status` looks at) is declared where there is
a storage, and only there: thousands of plates are planned faster without it.
"""

import os

from snakemake.io import flag
from snakemake.ioutils import exists
from snakemake.settings.types import SharedFSUsage

STORED = workflow.storage_settings.default_storage_provider is not None
SHARED = SharedFSUsage.INPUT_OUTPUT in workflow.storage_settings.shared_fs_usage


def keep(path):
    """An output that stays until its job replaces it; in a storage Snakemake keeps no earlier one."""
    return path if STORED else update(path)


def here(path):
    """A file that stands where Snakemake runs, as its own sources do; jobs elsewhere get it with them."""
    if not (path and STORED):
        return path or []
    if not SHARED and path not in workflow.configfiles:
        workflow.configfiles.append(path)  # of what goes to the nodes, with the sheets
    return flag(path, "sourcecache_entry", path)


def index_of(name):
    """An index as a file: its manifest, which stands for its segments; in a storage the whole folder."""
    return f"<results>/{name}" if STORED else f"<results>/{name}/manifest.json"


def index_made(name):
    """An index as output."""
    return directory(index_of(name)) if STORED else keep(index_of(name))


def index_folder(path):
    """Folder of an index, from what stands for it."""
    return str(path) if STORED else os.path.dirname(path)


def if_stored(*files):
    """Files that are declared only where there is a storage."""
    return list(files) if STORED else []


def address_of(path):
    """Where a file of the results is, for a reader."""
    prefix = workflow.storage_settings.default_storage_prefix
    return f"{prefix.rstrip('/')}/{path}" if STORED and prefix else path


def looked_at():
    """Files that `status` and `report` look at in the folder of results."""
    files = [path for plate in PLATES for path in files_of(plate)]
    levels = ["MODZ", "MNZ"] if CFG.noise != "off" else ["MODZ"]
    files += expand(
        "<results>/signatures/{brew}_{level}.gctx", brew=BREWS, level=levels
    )
    if CFG.noise != "off":
        files += per_plate("<results>/{plate}/{plate}_ZSNC.gctx")
        files += per_plate("<results>/{plate}/qc/denoise.tsv")
    return [*files, "<results>/plate_check.tsv"]


REPORT_FOLDERS = ("assets", "multiqc", "plates")


def shown():
    """Files that the report is made of, beside those that have rules to wait for."""
    names = ["wells", "calibration", "beads", *doubt_figures()]
    figures = expand(
        "<results>/report/{plate}/{name}.svg",
        plate=filter(can_be_drawn, PLATES),
        name=names,
    )
    answers = expand("<results>/queries/{query}", query=QUERIES)
    page = "<results>/report/changes.html"
    figures = [path for path in figures if figure_name(path) not in LOST_FIGURES]
    return [
        *looked_at(),
        *figures,
        *answers,
        page,
        "<results>/siginfo.tsv",
        index_of("index"),
    ]
