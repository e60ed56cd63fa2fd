"""A made study with noise that whole wells share."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from beadwork.io.platform.gene_table import gene_table
from beadwork.model.ids import WELLS_384
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.spaces import space_genes


@pytest.fixture(scope="session")
def landmarks() -> pd.Index:
    return space_genes(gene_table(), Space.LM)


@pytest.fixture
def noisy_plate(landmarks: pd.Index) -> Callable[..., Matrix]:
    """Make ZSPC of a plate: `compounds` of `doses` wells each, and controls in blocks; truth of a compound is fixed."""

    def make(
        plate: str = "SIM001_A375_24H_X1_B20", *, compounds: int = 12, doses: int = 3, blocks: int = 6, seed: int = 0,
        strength: float = 0.5, noise: float = 1.0,
    ) -> Matrix:  # fmt: skip
        rng = np.random.default_rng(seed)
        axes = np.random.default_rng(99).standard_normal((3, 978))
        rows: list[dict[str, object]] = []
        profiles = []
        for number in range(compounds):
            truth = np.random.default_rng(1000 + number).standard_normal(978) * strength
            for dose in range(doses):
                rows.append({"pert_id": f"BRD-K{number:08d}", "pert_iname": f"drug{number}", "pert_type": "trt_cp",
                             "pert_dose": 10.0 / 3**dose, "pert_dose_unit": "um"})  # fmt: skip
                profiles.append(truth)
        free = [well for well in WELLS_384 if well[0] in "ACEGIKMO" and int(well[1:]) < 20]
        wells = free[: len(rows)]
        for block in range(blocks):
            for column in (22, 23):
                rows.append({"pert_id": "DMSO", "pert_iname": "DMSO", "pert_type": "ctl_vehicle"})
                wells.append(f"{'ACEGIKMO'[block]}{column:02d}")
                profiles.append(np.zeros(978))
        z = np.array(profiles) + noise * rng.standard_normal((len(rows), 3)) @ axes
        z += rng.standard_normal(z.shape) * 0.7
        cols = pd.DataFrame(rows, index=pd.Index([f"{plate}:{well}" for well in wells], dtype=object))
        cols["det_plate"], cols["det_well"] = plate, wells
        return Matrix(z.T, pd.DataFrame(index=landmarks), cols, level=Level.ZSPC, space=Space.LM)

    return make
