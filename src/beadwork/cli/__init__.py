"""The ``beadwork`` command: one subcommand per stage, each in its own file, imported only when it is called."""

import gc
import importlib
import os
import sys
from typing import Any

import click

from beadwork import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module, one-line help shown by `beadwork --help`)
    "sheet": ("sheet", "Folders and archives of LXB files -> plates.tsv and maps."),
