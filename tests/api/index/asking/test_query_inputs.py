"""Queries from files against an index: what ranks the genes decides what is found."""

import io

import numpy as np
import pandas as pd
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.api.index.asking.query_inputs import load_queries, read_sets_text, read_signature_text
from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.errors import GeneSetError
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import QueryParams, SignatureParams

N_NOISY, N_HITS = 330, 24


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Index of 332 signatures of which 24 share a mechanism, and a table of what the mechanism does to other cells.

    In the table 330 of the 978 genes are hardly expressed: their fold changes are large, and noise.
    """
    rng = np.random.default_rng(11)
    genes = gene_table()
    landmarks = genes.index[genes["pr_is_lm"] == 1]
    symbols = genes.loc[landmarks, "pr_gene_symbol"].to_numpy(object)
    effect = np.where(rng.random(978) < 0.25, rng.normal(0, 1, 978), 0.0)
    values = rng.normal(size=(978, 332))
    values[:, :N_HITS] += 0.3 * effect[:, None]
    ids = [f"TOY001_A375_24H:BRD-K{place:03d}:10" for place in range(332)]
    folder = tmp_path_factory.mktemp("noisy")
    cols = pd.DataFrame(index=pd.Index(ids, dtype=object))
    matrix = Matrix(
        values.astype(np.float32),
        pd.DataFrame({"pr_gene_symbol": symbols}, index=landmarks),
        cols,
        level=Level.MODZ,
        space=Space.LM,
    )
    write_matrix(matrix, folder / "MODZ.gctx")
    info = {"sig_id": ids, "pert_id": [item.split(":")[1] for item in ids], "pert_type": "trt_cp", "cell_id": "A375"}
    write_table(pd.DataFrame(info), folder / "siginfo.tsv")
    index = ConnectivityIndex.build(folder / "index", folder / "MODZ.gctx", folder / "siginfo.tsv", background=0)
    from scipy.stats import false_discovery_control, norm

    error = np.full(978, 0.25)
    error[rng.permutation(978)[:N_NOISY]] = 10.0
    fold = 0.8 * effect + rng.normal(0, error)
    stat = fold / error
    p = 2 * norm.sf(np.abs(stat))
    table = pd.DataFrame(
        {"baseMean": 1.0, "log2FoldChange": fold, "lfcSE": error, "stat": stat, "pvalue": p,
         "padj": false_discovery_control(p)}, index=symbols,
    )  # fmt: skip
    return index, table


def median_rank(index, table, **params):
    """Median rank of the right hits among all signatures."""
    text = io.StringIO()
    table.to_csv(text)
    found = read_signature_text("de.csv", text.getvalue(), index.finder.keys, SignatureParams(**params))
    (query,) = found.queries
    scores = index.query_many([query]).table(0)
    right = [f"TOY001_A375_24H:BRD-K{place:03d}:10" for place in range(N_HITS)]
    return float(scores.set_index("sig_id").loc[right, "rank"].median()), query.notes[0]


def test_noisy_genes_do_not_fill_the_ends(study):
    index, table = study
    by_fold, _ = median_rank(index, table, value_column="log2FoldChange", max_padj=1)
    by_stat, said = median_rank(index, table)
    assert said.endswith("values: stat")
    by_p, said = median_rank(index, table[["log2FoldChange", "pvalue", "padj"]])
    assert said.endswith("values: sign of log2FoldChange x -log10 pvalue")
    by_padj, said = median_rank(index, table[["log2FoldChange", "padj"]])
    assert "rows have a padj of at most 0.05, the others count as unchanged" in said
    assert by_fold > 60, "fold changes alone mislead here"
    assert max(by_stat, by_p, by_padj) < 25, "(24 right hits: the best median is 12.5)"


def test_files_and_texts_give_the_same_queries(study, tmp_path):
    index, table = study
    table.to_csv(tmp_path / "de.csv")
    queries = load_queries(signatures=[tmp_path / "de.csv"], identify=index.finder.keys)
    found = read_signature_text("de.csv", (tmp_path / "de.csv").read_bytes(), index.finder.keys)
    assert [(item.name, item.profile, item.notes) for item in found.queries] == [
        (item.name, item.profile, item.notes) for item in queries
    ]
    (mapped,) = index.map_queries(queries)
    assert mapped.notes[0] == "genes: column of row names (978 of 978 rows known); values: stat"
    (tmp_path / "up.gmt").write_text("A_UP\tTP53\tMDM2\nB_UP\tEGFR\tMYC\nC_UP\t\n")
    (tmp_path / "down.gmt").write_text("B_DN\tna\tBAX\nA_DN\tna\tFAS\n")
    queries = load_queries([tmp_path / "up.gmt"], [tmp_path / "down.gmt"])
    sides = [(name, (tmp_path / name).read_bytes()) for name in ("up.gmt", "down.gmt")]
    found = read_sets_text(*sides)
    assert [(item.name, item.up, item.down) for item in found.queries] == [(q.name, q.up, q.down) for q in queries]
    assert found.notes == ["up.gmt: 1 of 3 sets were skipped: set C_UP holds no genes; remove it or fill it"]
    assert read_sets_text(None, sides[1]).queries[0].down == ("BAX",)
    with pytest.raises(GeneSetError, match="queries of the same name: A; rename the sets"):
        read_sets_text(("up.gmt", "A\tna\tTP53\na_x\tna\tMDM2\n".replace("a_x", "A_UP")))


def test_genes_without_a_change_are_in_no_set(study):
    index, table = study
    symbols = list(table.index)
    changed = {symbol: 2.0 + place / 100 for place, symbol in enumerate(symbols[:30])}
    profile = dict.fromkeys(symbols, 0.0) | changed | {symbol: -1.0 for symbol in symbols[30:32]}
    from beadwork.model.connectivity.query import Query

    (mapped,) = index.map_queries([Query("q", profile=profile)], QueryParams(min_set=10))
    assert len(mapped.up) == 30 and len(mapped.down) == 0
    assert mapped.counts["n_up_found"] == 30 and mapped.counts["n_down_found"] == 2
    assert "genes without a change (0) are in no set" in mapped.notes
    assert any(note.startswith("2 down genes, fewer than") for note in mapped.notes)
    with pytest.raises(GeneSetError, match=r"0 genes of the signature that are in the index go up and 1 down, fewer"):
        index.map_queries(
            [Query("q", profile=dict.fromkeys(symbols, 0.0) | {symbols[0]: -1.0})], QueryParams(min_set=10)
        )
    (mapped,) = index.map_queries([Query("q", profile={symbol: 1.0 + at for at, symbol in enumerate(symbols)})])
    assert "nearly all values go up: the other set holds genes that go up least" in mapped.notes


def test_names_of_the_user_choose_the_gene_column(study, tmp_path):
    index, table = study
    names = [f"locus_{place}" for place in range(len(table))]
    ids = index.genes.set_index("symbol")["gene_id"]
    write_table(pd.DataFrame({"name": names, "gene_id": ids.loc[table.index].to_numpy()}), tmp_path / "names.tsv")
    opened = ConnectivityIndex.open(index.store.path, gene_names=tmp_path / "names.tsv")
    text = io.StringIO()
    table[["stat"]].assign(locus=names, what="x").to_csv(text, sep="\t", index=False)
    (query,) = read_signature_text("de.tsv", text.getvalue(), opened.finder.keys).queries
    assert query.notes[0] == "genes: column locus (978 of 978 rows known); values: stat"
