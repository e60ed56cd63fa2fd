"""Beads of a plate in one array."""

import numpy as np

from beadwork.model.beads.plate import N_ANALYTES, BeadPlate, BeadStore


def test_a_store_grows_and_keeps_its_beads():
    store, expected, first = BeadStore(), [], []
    for size in (0, 5, BeadStore.GROWTH + 7, 3 * BeadStore.GROWTH, 1, 0):
        beads = np.arange(size, dtype=np.uint32) + np.uint32(len(expected))
        first.append(store.add(beads))
        expected.append(beads)
    found = store.finish()
    assert found.dtype == np.uint32
    assert found.tobytes() == np.concatenate(expected).tobytes()
    assert first == [0, 0, *np.cumsum([len(beads) for beads in expected])[1:-1]]


def test_wells_may_lie_in_any_order():
    store, rng, wells = BeadStore(), np.random.default_rng(1), {}
    for well in ("B01", "A02", "A01"):
        counts = rng.integers(0, 4, N_ANALYTES)
        beads = rng.integers(0, 1000, counts.sum(), dtype=np.uint32)
        wells[well] = counts, store.add(beads), beads
    order = sorted(wells)
    plate = BeadPlate.from_store("P", order, [wells[w][0] for w in order], [wells[w][1] for w in order], store)
    same = BeadPlate.from_wells("P", order, [(wells[w][0], wells[w][2]) for w in order])
    for number, well in enumerate(order):
        starts = plate.starts[number]
        assert plate.reporter[starts[0] : starts[-1]].tolist() == wells[well][2].tolist()
        assert np.diff(starts).tolist() == wells[well][0].tolist()
        assert same.well_beads(number)[1].tolist() == plate.well_beads(number)[1].tolist()
    assert BeadPlate.from_wells("P", [], []).n_wells == 0


def test_beads_of_other_plates_are_not_kept():
    store, rng = BeadStore(), np.random.default_rng(2)
    wells = {}
    for name in ("P1", "P2", "P3", "P2b"):
        counts = rng.integers(0, 3, N_ANALYTES)
        beads = rng.integers(0, 1000, counts.sum(), dtype=np.uint32)
        wells[name] = counts, store.add(beads), beads
    chosen = [wells["P2b"], wells["P2"]]
    plate = BeadPlate.from_store("P2", ["A01", "A02"], [w[0] for w in chosen], [w[1] for w in chosen], store)
    assert len(plate.reporter) == len(chosen[0][2]) + len(chosen[1][2])
    assert [plate.well_beads(k)[1].tolist() for k in (0, 1)] == [w[2].tolist() for w in chosen]
    assert plate.reporter.dtype == np.uint32
