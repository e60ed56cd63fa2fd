"""A small made index with everything in it: cells, doses, vehicle signatures, a planted mechanism."""

from pathlib import Path

import pytest

from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import write_matrix
from toys import make_signatures


@pytest.fixture(scope="session")
def toy_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """MODZ and siginfo of the made study."""
    folder = tmp_path_factory.mktemp("toy")
    matrix, info = make_signatures()
    write_matrix(matrix, folder / "toy_MODZ.gctx")
    write_table(info, folder / "siginfo.tsv")
    return folder / "toy_MODZ.gctx", folder / "siginfo.tsv"


@pytest.fixture(scope="session")
def toy_index(toy_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Index of the made study; read only."""
    from beadwork.api import ConnectivityIndex

    path = tmp_path_factory.mktemp("index") / "toy"
    ConnectivityIndex.build(path, *toy_files)
    return path
