"""Draw docs/images/noise.png from the table of docs/validation/noise.md: what noise control gains.

python benchmarks/validation/noise_figure.py
"""

import re
from pathlib import Path

from matplotlib.figure import Figure

DOCS = Path(__file__).parents[2] / "docs"
BEFORE, AFTER = "#8A8A8A", "#0072B2"
SHOWN = {
    "LJP009AH by compounds: same compound (reproducibility), AUC": "same compound, one plate\n(reproducibility)",
    "LJP009AH by compounds: same compound, mAP": "the same, mean average precision",
    "LJP009AH by compounds: same compound against adjacent rows, AUC": "same compound against\nadjacent rows",
    "LJP009AH by compounds: mechanism (other compound), AUC": "mechanism, other compound",
    "272 signatures, without A375, by the shipped model: same drug, other cell, AUC": "same drug in another cell line\n"
    "(published signatures)",
}
"""Lines of the table that are drawn, with their words."""
VALUE = re.compile(r"([\d.]+) \(([\d.]+)-([\d.]+)\)")


def read_table() -> dict[str, list[tuple[float, float, float]]]:
    """Value and interval by test: ZSPC and ZSNC, both by cosine."""
    found = {}
    for line in (DOCS / "validation" / "noise.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in SHOWN:
            pair = [VALUE.fullmatch(cells[column]) for column in (3, 5)]
            found[cells[0]] = [tuple(float(item) for item in value.groups()) for value in pair if value]
    return found


def main() -> None:
    table = read_table()
    figure = Figure(figsize=(8.2, 3.6), layout="constrained")
    axis = figure.subplots()
    for place, test in enumerate(SHOWN):
        for shift, colour, (value, low, high), label in zip(
            (-0.14, 0.14), (BEFORE, AFTER), table[test], ("z-scores (ZSPC, MODZ)", "noise controlled (ZSNC, MNZ)"),
            strict=True,
        ):  # fmt: skip
            axis.plot([low, high], [place + shift] * 2, color=colour, lw=2, alpha=0.5)
            axis.plot(value, place + shift, "o", color=colour, ms=8, label=label if place == 0 else None)
            axis.annotate(f"{value:.2f}", (value, place + shift), (0, 6), textcoords="offset points", ha="center",
                          fontsize=7, color=colour)  # fmt: skip
    axis.set_yticks(range(len(SHOWN)), list(SHOWN.values()), fontsize=8)
    axis.invert_yaxis()
    axis.axvline(0.5, color="#DDDDDD", lw=1, zorder=0)
    axis.set_xlabel("AUC by cosine (line 2: mAP), with 95 % intervals; 0.5: chance", fontsize=8)
    axis.tick_params(axis="x", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper right", ncols=2, fontsize=8, frameon=False)
    figure.savefig(DOCS / "images" / "noise.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
