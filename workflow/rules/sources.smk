"""Where the modules that plan a run come from: the sources beside the workflow, from a folder or a repository.

A run is planned with Snakemake's own environment, which need not hold beadwork: what is imported here stands on the
standard library and pydantic, which Snakemake brings.  Without sources beside the workflow, the installed package is
taken.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

PLANNED_WITH = """
    __init__ io/__init__ io/files/__init__ io/files/text io/files/unpack io/runs/__init__
    io/platform/__init__ io/platform/folder io/platform/shipped io/runs/plate_state io/runs/recorded
    model/__init__ model/plates/compatibility model/config model/errors
    model/ids model/lines model/missing model/params/__init__ model/params/base model/params/beads
    model/params/connectivity model/params/levels model/params/plates model/params/simulate model/params/steps
    model/pert_types model/plates/__init__ model/plates/sheet
""".split()
"""Modules of beadwork that planning imports; a workflow that comes from a repository has to fetch each of them."""


def folder_of_sources():
    """Folder from which beadwork is imported, or None if there are no sources beside the workflow."""
    first = workflow.current_basedir.join("../../src/beadwork/__init__.py")
    path = Path(first.get_path_or_uri(secret_free=True))
    return path.parents[1] if path.is_file() else fetched_sources()


def fetched_sources():
    """Folder with the modules that planning imports, fetched from where the workflow comes from; None if it has none."""
    files = {}
    for name in PLANNED_WITH:
        try:
            files[name] = workflow.source_path(f"../../src/beadwork/{name}.py")
        except Exception as error:  # whatever a repository or a network has to say
            logger.debug(f"src/beadwork/{name}.py beside the workflow: {error}")
            return None
    for name, path in files.items():
        target = Path(FETCHED.name) / "beadwork" / f"{name}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return Path(FETCHED.name)


FETCHED = tempfile.TemporaryDirectory(prefix="beadwork-")
if (_sources := folder_of_sources()) and str(_sources) not in sys.path:
    sys.path.insert(0, str(_sources))

try:
    from beadwork import __version__ as VERSION
except ModuleNotFoundError:
    raise WorkflowError(
        "the sources of beadwork are neither beside the workflow (src/beadwork) nor installed; deploy the whole"
        " repository, or pip install beadwork"
    ) from None

# each command compares it with its own version: that of the environment it runs in
os.environ.update(BEADWORK_WORKFLOW=VERSION)
