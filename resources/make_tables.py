#!/usr/bin/env python3
"""Make the tables of this folder from the public platform files.

    make_tables.py PLATFORM_FOLDER

PLATFORM_FOLDER holds the chip files, affx.chip.gz, L1000_bead_batch.txt, L1000_poolinfo.txt and log_ybio_epsilon.gct of l1ktools
(github.com/cmap/l1ktools, BSD-3-Clause) and GSE92742_Broad_LINCS_gene_info.txt.gz (GEO series GSE92742, LINCS, CC BY 4.0);
beside it stands expression/gene12328_to_u133a_probe.tsv, which probe set of HG-U133A stands for each gene.
"""

import sys
from pathlib import Path

import pandas as pd

L1KTOOLS = "l1ktools of the Connectivity Map, Broad Institute (github.com/cmap/l1ktools), BSD-3-Clause"
GEO = "GSE92742_Broad_LINCS_gene_info (GEO series GSE92742), LINCS, CC BY 4.0"
HERE = Path(__file__).parent
GREEK_MISSING = {"deltap-r1": {("dp45", 11), ("dp44", 402)}}  # pool table: listed on the chip, but not in the pool


def write(name, title, source, table):
    head = f"# {title}\n# Facts from {source}; re-tabulated for beadwork.\n"
    (HERE / name).write_text(head + table.to_csv(sep="\t", index=False, lineterminator="\n"), encoding="utf-8")


def bead_set(chip, name):
    table = pd.read_csv(chip, sep="\t", dtype=str).rename(columns={"pr_analyte_num": "number"})
    table = table[(table["pr_type"] != "INV") & (table["pr_gene_id"] != "NOT_ASSIGNED") & (table["number"].astype(int) > 10)]
    gone = GREEK_MISSING.get(name, set())
    table = table[[(half, int(number)) not in gone for half, number in zip(table["pr_bset_id"], table["number"])]]
    out = pd.DataFrame({
        "pr_gene_id": table["pr_gene_id"], "pr_gene_symbol": table["pr_gene_symbol"], "pr_analyte_num": table["number"].astype(int),
        "pr_bset_id": table["pr_bset_id"], "pr_probe_id": table["pr_id"],
    }).sort_values(["pr_bset_id", "pr_analyte_num"], kind="stable")
    assert out["pr_gene_id"].is_unique, name
    return out


def main(folder):
    folder = Path(folder)
    for name, chip in (("epsilon-r1", "EPSILON.R1"), ("epsilon-r2", "EPSILON.R2"), ("deltap-r1", "DELTAP.R1")):
        write(f"beadset_{name}.tsv", f"Bead set {name}: which two genes each analyte carries (dp52/dp44 about two thirds of the beads)",
              L1KTOOLS, bead_set(folder / f"L1000_{chip}.chip", name))
    batch = pd.read_csv(folder / "L1000_bead_batch.txt", sep="\t", dtype=str)
    batch = pd.DataFrame({"bead_batch": batch["exp_bead_batch_id"].str.lower(), "bead_set": batch["exp_pool_id"].str.lower(),
                          "revision": batch["exp_bset_revision"].str.lower(), "ratio": batch["#bratio"]})
    write("bead_batches.tsv", "Bead batches: bead set, revision and mixing ratio (hi : lo beads)", L1KTOOLS, batch)
    lines = (folder / "log_ybio_epsilon.gct").read_text().splitlines()
    names, levels = lines[2].split("\t")[2:], lines[3].split("\t")[2:]
    calibrator = [""] + [f"CAL{number:02d}" for number in range(1, 11)] + ["", ""]
    write("liss_reference_epsilon.tsv", "LISS reference: log2 level of each calibration point", L1KTOOLS,
          pd.DataFrame({"point": [name.removeprefix("GEX_") for name in names], "calibrator": calibrator, "log2_level": levels}))
    genes = pd.read_csv(folder / "GSE92742_Broad_LINCS_gene_info.txt.gz", sep="\t", dtype=str)
    write("genes.tsv", "Genes of the AIG space (12,328), with membership of LM (978) and BING (10,174)", GEO,
          genes[["pr_gene_id", "pr_gene_symbol", "pr_gene_title", "pr_is_lm", "pr_is_bing"]])
    chip = pd.read_csv(folder / "affx.chip.gz", sep="\t", dtype=str)
    chip = chip[(chip["pr_is_inf"] == "1") & chip["pr_gene_id"].isin(genes["pr_gene_id"])]
    used = set(pd.read_csv(folder.parent / "expression" / "gene12328_to_u133a_probe.tsv", sep="\t", dtype=str)["pr_id"])
    write("probes_u133a.tsv", "Probe sets of HG-U133A and the genes of the AIG space they measure; pr_is_used: the one that stands for the gene", L1KTOOLS,
          pd.DataFrame({"pr_probe_id": chip["pr_id"], "pr_gene_id": chip["pr_gene_id"], "pr_is_used": chip["pr_id"].isin(used).astype(int)}))


if __name__ == "__main__":
    main(sys.argv[1])
