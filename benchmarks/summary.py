"""Print every aim of the benchmarks and whether its newest recorded figure meets it.

    python benchmarks/summary.py [--missed]

Each benchmark with aims records its figures in benchmarks/results; nothing is measured here.
"""

from __future__ import annotations

import argparse

from lib.record import read_records

WITH_AIMS = {"speed-plates": "speed/plates.py", "speed-connectivity": "speed/connectivity.py FOLDER --page",
             "speed-page": "speed/page.py",
             "referee-simulated": "referee/deconvolution.py - --set sim --seed 5",
             "robustness-plate-check": "robustness/plate_check.py", "robustness-fuzz": "robustness/fuzz.py",
             "robustness-bad-data": "robustness/bad_data.py compare DIR",
             "validation-official": "validation/official.py DATA"}  # fmt: skip
"""Benchmarks that have aims, and their commands."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--missed", action="store_true", help="only aims that are not met")
    words = parser.parse_args()
    records = {record.name: record for record in read_records()}
    met = total = 0
    print(f"{'benchmark':<24} {'aim':<64} {'bound':>11} {'measured':>10}")
    for name, record in records.items():
        for aim in record.aims:
            total, met = total + 1, met + aim.met
            if not (words.missed and aim.met):
                bound = f"{'>=' if aim.at_least else '<='} {aim.aim:g}"
                print(f"{name:<24} {aim.what:<64} {bound:>11} {aim.measured:>10.4g}  {'met' if aim.met else 'MISSED'}")
    print(f"{met} of {total} recorded aims are met")
    for name, record in records.items():
        print(f"{name}: {record.date}, {record.run}; {record.machine}")
    for name in sorted(set(WITH_AIMS) - set(records)):
        print(f"not recorded: {name} (python benchmarks/{WITH_AIMS[name]})")


if __name__ == "__main__":
    main()
