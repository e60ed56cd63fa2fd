#!/usr/bin/env python3
"""Make starter_library.gctx.gz, the signatures that ship with beadwork.

    make_starter.py SIGNATURES PERT_INFO LJP009AH_ZSPC OUT

SIGNATURES is the folder with modzs_n272x978.gctx.gz and CPC006_level3_n371x978.gctx.gz of l1ktools (github.com/cmap/l1ktools,
BSD-3-Clause; the examples of cmapM hold the same); PERT_INFO is GSE70138_Broad_LINCS_pert_info.txt.gz (GEO series GSE70138,
LINCS, CC BY 4.0); LJP009AH_ZSPC is level 4 of half a plate of l1ktools' LXB files (LJP009_A375_24H_X1_B20, rows A to H), as
`beadwork plate LXB --map MAP -o FOLDER` writes it. The same inputs give the same bytes.

The level-5 signatures keep their values to the last bit. Those made here, of single replicates, are z-scores against the plate,
rounded to a thousandth.
"""

import gzip
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.api.library.choose import join_annotation
from beadwork.io.connectivity.library.annotation_tables import read_compounds
from beadwork.io.matrix.formats import read_any, write_matrix
from beadwork.io.platform.gene_table import gene_table, with_entrez_ids
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.spaces import space_genes
from beadwork.stages.levels.consensus import consensus
from beadwork.stages.levels.zscore import zscore

FIELDS = ["pert_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime", "distil_nsample", "distil_cc_q75",
          "is_gold", "brew_prefix"]
BSD, CC = "BSD-3-Clause", "CC BY 4.0"


def main(signatures, pert_info, ljp, out):
    genes = list(space_genes(gene_table(), Space.LM))
    parts = [level5(Path(signatures) / "modzs_n272x978.gctx.gz", genes),
             cpc006(Path(signatures) / "CPC006_level3_n371x978.gctx.gz", genes), ljp009(Path(ljp), genes)]
    values = np.hstack([item[0] for item in parts])
    cols = pd.concat([item[1].astype(object) for item in parts])
    assert cols.index.is_unique
    compounds = read_compounds([pert_info])
    names = {one[:13]: item.names[0] for item in compounds.compounds for one in item.ids}
    own = cols["pert_id"].str[:13].map(names)
    theirs = cols["pert_iname"].astype(str)
    cols["pert_iname"] = own.where(own.notna() & (cols["origin"] != "level 5"), theirs)
    table, _ = join_annotation(cols.reset_index(names="sig_id"), compounds, None)
    structures = ["inchi_key", "canonical_smiles"]
    cols[structures] = table[structures].astype(object).to_numpy()
    cols["pert_id"] = cols["pert_id"].astype(str)
    numbers = ["distil_nsample", "distil_cc_q75", "is_gold"]
    cols[numbers] = cols[numbers].apply(pd.to_numeric)
    matrix = Matrix(values, pd.DataFrame(index=pd.Index(genes, dtype=object)), cols, level=Level.MODZ, space=Space.LM,
                    provenance={"title": "Starter library of beadwork", "licence": f"{BSD}; ids and structures {CC}",
                                "origin": "l1ktools and cmapM of the Connectivity Map, Broad Institute (values); GEO series "
                                "GSE70138, LINCS (pert_info)", "recipe": "resources/make_starter.py"})
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "starter_library.gctx"
        write_matrix(matrix, plain)
        with open(out, "wb") as stream, gzip.GzipFile("", "wb", 9, stream, mtime=0) as packed:
            packed.write(plain.read_bytes())
    print(f"{values.shape[1]} signatures, {Path(out).stat().st_size / 1e6:.2f} MB")


def level5(path, genes):
    matrix = with_entrez_ids(read_any(path)).take_rows(pd.Index(genes, dtype=object), Space.LM)
    cols = matrix.cols.reindex(columns=FIELDS)
    cols["pert_idose"] = cols["pert_idose"].str.replace("\u00b5M", "uM").str.replace("\u03bcM", "uM")
    return matrix.values, cols.assign(origin="level 5", licence=BSD, remark="official level 5, replicates merged")


def cpc006(path, genes):
    source = with_entrez_ids(read_any(path))
    cols = source.cols.rename(columns={"pert_desc": "pert_iname", "exp_pert_dose": "pert_dose", "exp_pert_time": "pert_time",
                                       "exp_pert_dose_unit": "pert_dose_unit", "exp_pert_time_unit": "pert_time_unit"})
    cols = cols.assign(pert_type=cols["pert_type"].str.lower(), pert_dose_unit="uM", pert_time_unit="h",
                       pert_iname=cols["pert_iname"].map(spelled), det_plate="CPC006_A375_6H_X1", brew_prefix="CPC006_A375_6H_X1")
    matrix = Matrix(source.values, source.rows, cols, level=Level.QNORM)
    return made(zscore(matrix).matrix, genes, "CPC006_A375_6H_X1")


def spelled(name):
    """Names of CPC006 stand in capitals, which no other table has; ids stay as they are."""
    return name if name.startswith("BRD-") else name.lower()


def ljp009(path, genes):
    source = read_any(path)
    cols = source.cols.assign(brew_prefix="LJP009AH_A375_24H_X1")
    return made(Matrix(source.values, source.rows, cols, level=Level.ZSPC), genes, "LJP009AH_A375_24H_X1_B20")


def made(z, genes, plate):
    z = z.take_rows(pd.Index(genes, dtype=object), Space.LM)
    found = consensus(z, landmarks=pd.Index(genes))
    info = found.siginfo.set_index("sig_id").rename_axis(None)
    treated = ~info["pert_type"].astype(str).str.startswith("lma")
    for field, number, unit in (("pert_idose", "pert_dose", "uM"), ("pert_itime", "pert_time", "h")):
        info[field] = [f"{float(value):g} {unit}" if pd.notna(value) and float(value) > 0 else np.nan
                       for value in pd.to_numeric(info[number], errors="coerce")]
    remark = np.where(info["distil_nsample"] > 1, "wells of one plate, merged", "single replicate of one plate")
    cols = info.reindex(columns=FIELDS).assign(origin=plate, licence=BSD, remark=remark)
    cols["distil_cc_q75"] = pd.to_numeric(cols["distil_cc_q75"], errors="coerce")
    values = np.round(found.matrix.values.astype(np.float64), 3).astype(np.float32)
    return values[:, treated.to_numpy()], cols[treated]


if __name__ == "__main__":
    main(*sys.argv[1:])
