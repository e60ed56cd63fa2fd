"""Parameters of index, queries and signatures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from beadwork.model.params.base import SUBRAMANIAN_2017, Params


class IndexParams(Params):
    """Connectivity index, and the background that tau is measured against."""

    space: Literal["auto", "LM", "BING", "AIG"] = Field("auto", description="genes kept; auto keeps those of the input")
    background: int = Field(
        256,
        ge=0,
        description="signatures whose own gene sets, asked of the whole index, are the background of tau; 0 for none",
        json_schema_extra={"reference": SUBRAMANIAN_2017},
    )
    background_set: int = Field(
        50, ge=1, description="genes at each end of a background signature; at most a sixth of all genes"
    )


class QueryParams(Params):
    """Connectivity scores of queries against an index."""

    metric: tuple[Literal["wtcs", "ks", "pearson", "spearman", "cosine", "xsum", "zhang", "rank_test"], ...] = Field(
        ("wtcs",),
        description="scores beside wtcs (always there): ks, xsum, zhang, rank_test of gene sets; pearson, spearman, "
        "cosine of full signatures",
    )
    min_set: int = Field(3, ge=1, description="a gene set with fewer genes found in the index is not scored")
    small_set: int = Field(10, ge=1, description="a gene set with fewer genes found is reported as small")
    set_size: int = Field(150, ge=1, description="genes taken from each end of a query that is a full signature")
    group_by: tuple[str, ...] = Field(
        ("cell_id", "pert_type"),
        description="fields within which scores are normalised (NCS); the last is dropped where a group is too small",
        json_schema_extra={"reference": SUBRAMANIAN_2017},
    )
    min_reference: int = Field(
        10, ge=1, description="a group with fewer reference signatures is normalised with the wider group"
    )
    ncs_floor: float = Field(0.01, gt=0, description="smallest mean that scores are divided by")
    null_type: tuple[str, ...] = Field(
        (),
        description="pert_type of the null signatures that FDR is measured against; none named: those that is_null_sig "
        "marks, and all controls (ctl_...) where the index does not say it",
    )
    min_null: int = Field(
        3, ge=1, description="fdr needs as many null and as many treatment scores of a sign; else it is missing"
    )
    fdr_bound: bool = Field(
        True,
        description="fdr claims no less than the number of null signatures can show; without it as CMap, down to 0",
    )
    rank_by: Literal["auto", "wtcs", "cosine"] = Field(
        "auto",
        description="score that ncs, fdr and the order stand on; auto: cosine for full signatures asked of "
        "noise-controlled ones (ZSNC, MNZ), else wtcs",
    )
    min_controls: int = Field(
        10, ge=3, description="p_control (of noise-controlled indices) needs as many control signatures elsewhere"
    )
    min_places: int = Field(6, ge=1, description="in as many separate places of plates; else it is missing")
    min_background: int = Field(50, ge=1, description="tau needs a background of as many queries; else it is missing")
    perturbagen: Literal["name", "pert_id"] = Field(
        "name",
        description="what a row of the roll-up is: all pert_ids of one name and pert_type, or each pert_id by itself",
    )
    min_class: int = Field(2, ge=1, description="a mechanism class with fewer perturbagens in the index is left out")
    permutations: int = Field(
        0,
        ge=0,
        description="random queries of the same sizes for a permutation p-value, which says how rarely random genes "
        "reach as far: genes move together, so it is low for most pairs of real signatures and no evidence by itself; "
        "0: no p-value",
    )
    seed: int = Field(0, ge=0, description="seed of the random queries")
    xsum_top: int = Field(500, ge=1, description="genes at each end of a signature that count as changed (xsum)")


class HowSureParams(Params):
    """Rules by which an answer is said to be usable, a hint, or not to be ranked."""

    fewest_genes: int = Field(3, ge=1, description="with fewer genes used, an answer is not to be ranked")
    few_genes: int = Field(10, ge=1, description="with fewer genes used, an answer is a hint")
    cancel_share: float = Field(
        0.5, gt=0, le=1, description="share of the smaller set that is also in the other from which on sets cancel"
    )
    cancel_zeros: float = Field(
        0.9, gt=0, le=1, description="share of signatures in which both sets go the same way from which on sets cancel"
    )
    few_perturbagens: int = Field(20, ge=1, description="with fewer perturbagens compared, an answer is a hint")


class MapParams(Params):
    """Map of the signatures of an index."""

    landmarks: int = Field(
        5000, ge=10, le=50_000, description="signatures that are laid out by t-SNE; all others stand by their nearest"
    )
    components: int = Field(50, ge=2, description="principal components that are compared")
    perplexity: float = Field(30.0, gt=1, description="neighbours that t-SNE keeps near, about")
    neighbours: int = Field(5, ge=1, description="landmarks whose places a signature takes the mean of")
    seed: int = Field(0, ge=0, description="seed of components and t-SNE")


class RepurposingParams(Params):
    """Compounds that do what was asked for: in how many cells, up to which dose, how consistently."""

    min_cells: int = Field(2, ge=1, description="cells in which a compound must do what was asked for")
    max_dose: float = Field(10.0, gt=0, description="highest dose that counts, micromolar")
    min_share: float = Field(0.67, ge=0, le=1, description="share of its cells, and of its signatures, that must agree")


class SignatureParams(Params):
    """Reading a table of differential expression as a signature."""

    gene_column: str | None = Field(
        None, description="column that names the genes; by default that most of whose values are genes"
    )
    value_column: str | None = Field(
        None,
        description="column that ranks the genes; by default a statistic (stat, t, z, or sign of the fold change "
        "x -log10 p), else the fold change",
    )
    p_column: str | None = Field(
        None,
        description="column of p-values that ranks the genes: -log10 p with the sign of the value column, by default "
        "of the fold change",
    )
    max_padj: float = Field(
        0.05,
        ge=0,
        le=1,
        description="where fold changes rank the genes, rows with a larger adjusted p-value count as unchanged",
    )


class ContrastParams(Params):
    """Signatures from values and two groups of samples, and when they should not be trusted."""

    fit: Literal["pair", "all"] = Field(
        "pair",
        description="samples that variances are estimated from: those of the two groups, or of all groups of the field",
    )
    trend: bool = Field(False, description="moderated t: let the prior variance follow the mean level (limma-trend)")
    min_count: int = Field(10, ge=0, description="genes with fewer counts in all samples together are left out")
    min_cells: int = Field(10, ge=1, description="cells that a pseudobulk sample needs; smaller ones are left out")
    set_size: int = Field(150, ge=1, description="genes of each side of the sets")
    max_fdr: float = Field(0.05, gt=0, le=1, description="genes above this FDR are in no set")
    min_significant: int = Field(
        10, ge=0, description="with fewer genes up to max-fdr, sets are the ends of the list, and that is a warning"
    )
    min_samples: int = Field(3, ge=2, description="a group with fewer samples is a warning")
    halves: int = Field(5, ge=1, description="random halvings that the split-half agreement is the mean of")
    min_agreement: float = Field(0.2, ge=-1, le=1, description="a lower split-half agreement (Spearman) is a warning")
    min_landmarks: int = Field(489, ge=0, description="fewer of the 978 measured genes are a warning")
    seed: int = Field(0, ge=0, description="seed of the halvings")


class GraphParams(Params):
    """A graph of perturbagens and genes, and vectors of perturbagens."""

    edges: Literal["top", "fdr"] = Field(
        "top",
        description="genes that a compound is joined with: the top ones of each direction, measured and inferred, or "
        "all up to max-fdr",
    )
    top: int = Field(125, ge=1, description="measured genes, and as many inferred ones, of each direction")
    max_fdr: float = Field(0.05, gt=0, le=1, description="largest FDR of an edge, of genes with --edges fdr")
    neighbours: int = Field(25, ge=1, description="similar perturbagens that are kept for each")
    dimensions: int = Field(128, ge=1, description="numbers of an embedding")
    whiten: float = Field(
        0.4, ge=0, le=1, description="how far strong directions are weighed down in embeddings: 0 not, 1 wholly"
    )
