"""Folders of downloads as LINCS 2020 and GEO have them: the same names, headers and quirks, made small."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.matrix import Matrix

CELLS = ("A375", "MCF7")
DRUGS = ("BRD-K81418486", "BRD-K70792160", "BRD-A19500257")
NAMES = ("vorinostat", "10-DEBC", "geldanamycin")
SMILES, INCHI_KEY = "ONC(=O)CCCCCCC(=O)Nc1ccccc1", "WAEXFXRVDQXREF-UHFFFAOYSA-N"
SIGINFO = (
    "bead_batch nearest_dose pert_dose pert_dose_unit pert_idose pert_itime pert_time pert_time_unit cell_mfc_name "
    "pert_mfc_id nsample cc_q75 ss_ngene tas pct_self_rank_q25 wt median_recall_rank_spearman "
    "median_recall_rank_wtcs_50 median_recall_score_spearman median_recall_score_wtcs_50 batch_effect_tstat "
    "batch_effect_tstat_pct is_hiq qc_pass pert_id sig_id pert_type cell_iname det_wells det_plates distil_ids "
    "build_name project_code cmap_name is_exemplar_sig is_ncs_sig is_null_sig"
).split()


def genes(n: int = 300) -> pd.Index:
    """Some genes, landmarks first."""
    table = gene_table()
    return table.sort_values("pr_is_lm", ascending=False, kind="stable").index[:n]


def write_gctx(path: Path, ids: list[str], seed: int, rows: pd.Index | None = None) -> np.ndarray:
    """Write a matrix of ids only, as LINCS' are."""
    rows = genes() if rows is None else rows
    values = np.random.default_rng(seed).normal(size=(len(rows), len(ids))).astype(np.float32)
    matrix = Matrix(values, pd.DataFrame(index=rows), pd.DataFrame(index=pd.Index(ids, dtype=object)))
    write_matrix(matrix, path)
    return values


def write_tsv(path: Path, header: list[str], rows: list[list[object]], above: str = "") -> None:
    """Write a table as it is downloaded; packed if its name says so."""
    lines = ["\t".join(header), *("\t".join(map(str, row)) for row in rows)]
    content = (above + "\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def lincs2020(tmp_path: Path) -> Path:
    """A folder of LINCS 2020: level 5 of compounds and of knock-outs, and the tables."""
    folder = tmp_path / "lincs2020"
    folder.mkdir()
    rows, ids = [], {"trt_cp": [], "trt_xpr": []}
    for number, (drug, name) in enumerate(zip(DRUGS, NAMES, strict=True)):
        for cell in CELLS:
            for dose in ("0.04", "1.11", "10"):
                ids["trt_cp"].append(f"REP.A{number:03d}_{cell}_24H:{drug}:{dose}")
                rows.append(_siginfo(ids["trt_cp"][-1], drug, name, "trt_cp", cell, dose, dose == "10"))
    for gene in ("ESR1", "TP53"):
        for cell in CELLS:
            ids["trt_xpr"].append(f"XPR001_{cell}_96H:BRDN-{gene}")
            rows.append(_siginfo(ids["trt_xpr"][-1], f"BRDN-{gene}", gene, "trt_xpr", cell, "", True))
    rows.append(_siginfo("NOT.HERE:1", DRUGS[0], NAMES[0], "trt_cp", "A375", "10", True))  # of a matrix not fetched
    write_tsv(folder / "siginfo_beta.txt", SIGINFO, rows[::-1])
    for kind, names in ids.items():
        write_gctx(folder / f"level5_beta_{kind}_n{len(names)}x300.gctx", names, len(names))
    write_gctx(folder / "level3_beta_ctl_n2x300.gctx", ["P1:A01", "P1:A02"], 1)
    header = ["pert_id", "cmap_name", "target", "moa", "canonical_smiles", "inchi_key", "compound_aliases"]
    write_tsv(folder / "compoundinfo_beta.txt", header, [
        [DRUGS[0], NAMES[0], "HDAC1", "HDAC inhibitor", SMILES, INCHI_KEY, "SAHA"],
        [DRUGS[0], NAMES[0], "HDAC2", "HDAC inhibitor", SMILES, INCHI_KEY, "SAHA"],
        [DRUGS[2], NAMES[2], "HSP90AA1", "HSP inhibitor", "", "", ""],
    ])  # fmt: skip
    cells = ["cell_iname", "cellosaurus_id", "donor_age", "cell_lineage", "primary_disease", "subtype", "cell_type"]
    write_tsv(
        folder / "cellinfo_beta.txt", cells, [["A375", "CVCL_0132", "54", "skin", "skin cancer", "melanoma", "tumor"]]
    )
    names = ["gene_id", "gene_symbol", "ensembl_id", "gene_title", "gene_type", "src", "feature_space"]
    symbols = gene_table()["pr_gene_symbol"]
    rest = ["ENSG1", "", "protein-coding", "NCBI", "landmark"]
    write_tsv(folder / "geneinfo_beta.txt", names, [[gene, symbols[gene], *rest] for gene in genes()])
    wells = ["bead_batch", "nearest_dose", "pert_dose", "pert_id", "det_plate", "det_well", "sample_id", "cell_iname"]
    write_tsv(folder / "instinfo_beta.txt", wells, [["b1", "10", "10", DRUGS[0], "P1", "A01", "P1:A01", "A375"]])
    (folder / "md5sums.html").write_text("<html>")
    return folder


def _siginfo(sig_id: str, drug: str, name: str, kind: str, cell: str, dose: str, exemplar: bool) -> list[object]:
    known: dict[str, object] = {
        "bead_batch": "b20", "nearest_dose": dose, "pert_dose": dose, "pert_dose_unit": "uM" if dose else "",
        "pert_idose": f"{dose} uM" if dose else "", "pert_itime": "24 h", "pert_time": "24", "pert_time_unit": "h",
        "nsample": 3, "cc_q75": "0.31", "ss_ngene": 120, "tas": "0.25" if dose == "10" else "0.1", "pert_id": drug,
        "sig_id": sig_id, "pert_type": kind, "cell_iname": cell, "cmap_name": name, "qc_pass": 1, "is_hiq": 1,
        "is_exemplar_sig": int(exemplar), "is_ncs_sig": 1, "is_null_sig": 0, "det_wells": "A01", "wt": "0.5,0.5",
    }  # fmt: skip
    return [known.get(field, "") for field in SIGINFO]


@pytest.fixture
def gse70138(tmp_path: Path) -> Path:
    """A folder of GSE70138: packed matrix and tables, metrics that begin with an unnamed column of numbers."""
    folder = tmp_path / "gse70138"
    folder.mkdir()
    ids = [f"REP.A001_{cell}_24H:{well}" for cell in CELLS for well in ("A03", "A04", "B07", "B08")]
    plain = folder / "GSE70138_Broad_LINCS_Level5_COMPZ_n8x300_2017-03-06.gctx"
    write_gctx(plain, ids, 5)
    pack(plain)
    controls = {sig_id for sig_id in ids if sig_id.endswith("A03")}
    info = [
        [one, "DMSO", "DMSO", "ctl_vehicle", one.split("_")[1], "-666", "24 h", "-666"] if one in controls else
        [one, DRUGS[0], NAMES[0], "trt_cp", one.split("_")[1], "10.0 um", "24 h", "-666"]
        for one in ids
    ]  # fmt: skip
    write_tsv(folder / "GSE70138_Broad_LINCS_sig_info_2017-03-06.txt.gz",
              ["sig_id", "pert_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime", "distil_id"],
              info)  # fmt: skip
    metrics = [
        [place, one, "0.1", "4.1", *(("DMSO", "DMSO") if one in controls else (DRUGS[0], NAMES[0])), "trt_cp",
         f"0.{place}3", 36, 28, "18.4375", 3]
        for place, one in enumerate(ids[::-1])
    ]  # fmt: skip
    write_tsv(folder / "GSE70138_Broad_LINCS_sig_metrics_2017-03-06.txt.gz",
              ["", "sig_id", "distil_cc_q75", "distil_ss", "pert_id", "pert_iname", "pert_type", "tas",
               "ngenes_modulated_up_lm", "ngenes_modulated_dn_lm", "pct_self_rank_q25", "distil_nsample"],
              metrics)  # fmt: skip
    write_tsv(folder / "GSE70138_Broad_LINCS_pert_info_2017-03-06.txt.gz",
              ["pert_id", "canonical_smiles", "inchi_key", "pert_iname", "pert_type"],
              [[DRUGS[0], SMILES, INCHI_KEY, NAMES[0], "trt_cp"],
               ["DMSO", "CS(=O)C", "IAZDPXIOMUYVGZ-UHFFFAOYSA-N", "DMSO", "ctl_vehicle"]])  # fmt: skip
    return folder


@pytest.fixture
def gse92742_level3(tmp_path: Path) -> Path:
    """A folder with level 3 and inst_info of GSE92742: two replicate plates, and one with too few wells."""
    folder = tmp_path / "gse92742"
    folder.mkdir()
    wells = [f"{row}{number:02d}" for row in "ABCD" for number in range(1, 9)]
    plates = ["CPC006_A375_6H_X1_B3", "CPC006_A375_6H_X2_B3"]
    ids = [f"{plate}:{well}" for plate in plates for well in wells] + ["CPC007_A375_6H_X1_B3:A01"]
    write_gctx(folder / f"GSE92742_Broad_LINCS_Level3_INF_mlr12k_n{len(ids)}x300.gctx", ids, 9)
    write_tsv(folder / "GSE92742_Broad_LINCS_inst_info.txt.gz",
              ["inst_id", "rna_plate", "rna_well", "pert_id", "pert_iname", "pert_type", "pert_dose", "pert_dose_unit",
               "pert_time", "pert_time_unit", "cell_id"],
              [[one, one.rpartition("_")[0], one[-3:], *_content(one[-3:]), "6", "h", "A375"]
               for one in ids])  # fmt: skip
    return folder


def _content(well: str) -> list[str]:
    if well.startswith("A"):
        return ["DMSO", "DMSO", "ctl_vehicle", "-666", "-666"]
    place = int(well[1:]) % 3
    return [DRUGS[place], NAMES[place], "trt_cp", {"B": "0.1", "C": "1", "D": "10"}[well[0]], "um"]


@pytest.fixture
def packed() -> Callable[[Path], Path]:
    """Pack a file with gzip."""
    return pack


def pack(path: Path) -> Path:
    """Pack a file with gzip, as GEO does."""
    target = path.with_name(f"{path.name}.gz")
    with open(path, "rb") as source, gzip.open(target, "wb") as stream:
        shutil.copyfileobj(source, stream)
    path.unlink()
    return target
