"""Names of fields in filters: those of a table, those that clue.io had besides, and those that nobody knows.

A condition on a field that no row has would be met by no row, or by all; it is refused, as is a field that clue.io
never had.  Fields that clue.io had and this index does not are left out of the rows, as there; the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from beadwork.serve.clue.loopback import Filter
from beadwork.serve.parameters import unknown_words
from beadwork.serve.refusals import RefusedError

_PERTURBATION = ("pert_id", "pert_iname", "pert_type", "pert_desc", "pert_dose", "pert_dose_unit", "pert_idose",
                 "pert_time", "pert_time_unit", "pert_itime", "pert_vehicle", "cell_id", "cell_iname", "cmap_name",
                 "pert_mfc_id", "pert_mfc_desc", "brew_prefix")  # fmt: skip
CLUE_FIELDS: dict[str, tuple[str, ...]] = {
    "sigs": (*_PERTURBATION, "sig_id", "distil_id", "distil_nsample", "distil_ss", "distil_cc_q75", "is_gold", "tas",
             "ngenes_modulated_up_lm", "ngenes_modulated_dn_lm", "pct_self_rank_q25", "provenance_code", "target_seq",
             "target_zs", "target_is_lm", "target_is_bing", "bead_batch", "nsample", "cc_q75", "ss_ngene", "is_hiq",
             "qc_pass", "is_exemplar_sig", "is_touchstone", "build_name", "project_code"),
    "perts": (*_PERTURBATION, "pert_icollection", "pert_url", "pert_summary", "description", "status", "alt_name",
              "moa", "target", "canonical_smiles", "inchi_key", "inchi_string", "structure_url", "pubchem_cid",
              "molecular_formula", "molecular_wt", "logp", "vendor", "vendor_name", "vendor_catalog_id", "num_sig",
              "num_gold", "num_inst", "sig_id", "sig_id_gold", "in_summly", "is_touchstone", "clone_name", "gene_id",
              "target_seq", "target_region", "target_is_lm", "target_is_bing", "vector_id", "oligo_seq"),
    "genes": ("entrez_id", "gene_symbol", "gene_title", "gene_type", "l1000_type", "is_lm", "is_bing", "is_l1000",
              "pr_id", "pr_gene_id", "pr_gene_symbol", "pr_gene_title", "pr_is_lm", "pr_is_bing", "ensembl_id"),
    "cells": ("cell_id", "cell_iname", "cell_type", "cell_lineage", "cell_histology", "cell_source", "cell_source_id",
              "base_cell_id", "precursor_cell_id", "modification", "sample_type", "primary_site", "subtype", "gender",
              "donor_age", "donor_sex", "donor_ethnicity", "provider_name", "original_growth_pattern", "growth_medium",
              "mutations", "description", "lincs_status", "is_touchstone"),
    "profiles": (*_PERTURBATION, "sig_id", "distil_id", "inst_id", "det_plate", "det_well", "rna_plate", "rna_well",
                 "bead_batch", "bead_set", "bead_revision", "count_mean", "count_cv", "qc_iqr", "qc_slope",
                 "is_touchstone"),
    "plates": ("det_plate", "rna_plate", "cell_id", "pert_itime", "pert_time", "pert_plate", "bead_batch", "bead_set",
               "brew_prefix", "num_profiles"),
    "pcls": ("pcl_id", "group_id", "name", "description", "source", "pert_type", "members", "num_perts", "pert_id"),
    "rep_drugs": ("pert_iname", "pert_id", "final_status", "status_source", "clinical_notes", "orange_book",
                  "chembl_id", "drugbank_id", "iuphar_id", "ttd_id", "pubchem_cid", "animal_only", "in_cmap",
                  "synonyms", "source", "disease_area"),
    "rep_drug_moas": ("pert_iname", "name", "source"),
    "rep_drug_targets": ("pert_iname", "name", "source", "private_source"),
    "rep_drug_indications": ("pert_iname", "name", "indication", "disease_area", "source"),
}  # fmt: skip
"""Fields of clue.io's collections, as public programs that ask it name them."""
GENE_LISTS: dict[str, tuple[int, bool, str]] = {
    f"{side}{count}_{space}": (count, side == "up", space)
    for side in ("up", "dn") for count, space in ((50, "lm"), (100, "bing"), (100, "full"))
}  # fmt: skip
"""Fields of sigs that are made when they are asked for: how many genes, whether those that go up, of which space."""


def names_in(where: Mapping[str, Any]) -> Iterable[str]:
    """Fields of conditions, however deep."""
    for name, condition in where.items():
        if name not in ("and", "or", "nor"):
            yield name
        elif isinstance(condition, list):
            for item in condition:
                if isinstance(item, Mapping):
                    yield from names_in(item)


def check_names(collection: str, known: Iterable[str], wanted: Filter) -> list[str]:
    """Refuse fields that are not known; returns those of ``fields`` that clue.io had and this index has not.

    Raises
    ------
    RefusedError
        A condition or the order is on a field that no row has, or clue.io had no such field either.
    """
    there = [name for name in known if not name.startswith("_")]
    elsewhere = CLUE_FIELDS.get(collection, ())
    for where, names in (("where", names_in(wanted.where)), ("order", [name for name, _ in wanted.order])):
        for name in names:
            if name in there:
                continue
            if name in GENE_LISTS and collection == "sigs":
                raise RefusedError(f"filter: {name} is made for fields; {where} cannot use it", 400, field="filter")
            if name in elsewhere:
                words = f"{collection} of this index have no {name}; there are {', '.join(there)}"
                raise RefusedError(f"filter: {where}: {words}", 400, field="filter")
            raise RefusedError(f"filter: {where}: {unknown_words('field', name, there)}", 400, field="filter")
    lacking = []
    for name in (*(wanted.fields or ()), *wanted.left_out):
        if name in there or (name in GENE_LISTS and collection == "sigs"):
            continue
        if name not in elsewhere:
            every = list(dict.fromkeys([*there, *elsewhere]))
            raise RefusedError(f"filter: fields: {unknown_words('field', name, every)}", 400, field="filter")
        if name not in wanted.left_out:
            lacking.append(name)
    return lacking
