"""What files of LINCS 2020 look like, for benchmarks that make some."""

SIGINFO_FIELDS = (
    "bead_batch nearest_dose pert_dose pert_dose_unit pert_idose pert_itime pert_time pert_time_unit cell_mfc_name "
    "pert_mfc_id nsample cc_q75 ss_ngene tas pct_self_rank_q25 wt median_recall_rank_spearman "
    "median_recall_rank_wtcs_50 median_recall_score_spearman median_recall_score_wtcs_50 batch_effect_tstat "
    "batch_effect_tstat_pct is_hiq qc_pass pert_id sig_id pert_type cell_iname det_wells det_plates distil_ids "
    "build_name project_code cmap_name is_exemplar_sig is_ncs_sig is_null_sig"
).split()
"""Columns of siginfo_beta.txt."""
