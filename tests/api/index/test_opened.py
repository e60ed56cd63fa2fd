"""The index as a whole: golden contest, planted mechanism, notes, filters, same bytes, append, crash, readers."""

import multiprocessing
import os
import shutil
import signal

import numpy as np
import pandas as pd
import pytest

from beadwork import ConnectivityIndex
from beadwork.io.connectivity.index import writer as index_writer
from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.kernels.connectivity.wtcs.ranks import rank_descending
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import AlignmentError, GeneSetError, IndexStoreError, LevelError, ParameterError
from toys import make_signatures


def test_golden_contest(golden, tmp_path):
    """Official 10 x 10 scores and the official rank matrix."""
    folder = golden / "query_contest"
    index = ConnectivityIndex.build(tmp_path / "index", folder / "contest_modzs_ezid_n10x10174.gctx.gz")
    assert index.info()["space"] == "BING"
    rank = read_matrix(folder / "contest_rank_ezid_n10x10174.gctx.gz")
    np.testing.assert_array_equal(index.store.blocks[0].rank, rank.values)
    result = index.query_many(folder / "contest_query_ezid_up_n10.gmt", folder / "contest_query_ezid_down_n10.gmt")
    expected = read_matrix(folder / "contest_results_n10x10.gctx").to_frame()
    found = result.matrix("wtcs").to_frame()
    difference = (found - expected.loc[found.index, found.columns]).abs().to_numpy()
    assert difference.max() < 1e-6
    assert len(result.missing_genes) == 0


def test_planted_mechanism_is_found(toy_index):
    index = ConnectivityIndex.open(toy_index)
    genes = index.genes["gene_id"].tolist()
    table = index.query(up=genes[:30], down=genes[30:60])
    hits = table.head(50)["pert_iname"].tolist()
    assert np.mean([name in {f"drug-{i}" for i in range(5)} for name in hits]) > 0.95
    assert table["ncs"].is_monotonic_decreasing
    best = table.iloc[0]
    assert best["tau"] > 80 and best["fdr"] < 0.3
    assert best["raw_cs"] == best["wtcs"] and best["fdr_q_nlog10"] == pytest.approx(-np.log10(best["fdr"] + 2.0**-52))
    opposed = index.query(up=genes[30:60], down=genes[:30])
    np.testing.assert_allclose(opposed["wtcs"].iloc[::-1].iloc[:30], -table["wtcs"].iloc[:30], atol=1e-6)


def test_answers_are_shown_in_one_line_and_give_a_table_for_each_query(golden, tmp_path):
    folder = golden / "query_contest"
    index = ConnectivityIndex.build(tmp_path / "index", folder / "contest_modzs_ezid_n10x10174.gctx.gz")
    result = index.query_many(folder / "contest_query_ezid_up_n10.gmt", folder / "contest_query_ezid_down_n10.gmt")
    assert repr(result).startswith("<QueryResult 10 queries (") and "against 10 signatures: wtcs, " in repr(result)
    tables = result.tables
    assert list(tables) == result.names
    pd.testing.assert_frame_equal(tables[result.names[3]], result.table(3))
    pd.testing.assert_frame_equal(result.table(result.names[3]), result.table(3))


def test_symbols_old_symbols_and_notes(toy_index):
    index = ConnectivityIndex.open(toy_index)
    table = index.query(up=["PSME1", "psme1", "KIAA0494", "NOSUCHGENE", "MDM2"], down=["5720", "-666"], min_set=1)
    assert [(item["gene"], item["answer"], item["reason"]) for item in table.attrs["missing_genes"]] == [
        ("NOSUCHGENE", "not a gene", "unknown gene"),
        ("MDM2", "a gene, but not in this index", "Entrez id 4193, not among the 978 genes of the index"),
        ("-666", "not a gene", "placeholder for a missing gene"),
    ]
    assert table.attrs["notes"][:9] == [
        "1 of 5 up genes are not in the index",
        "1 of 5 up genes are no genes ('NOSUCHGENE': unknown gene)",
        "1 up gene stands more than once and counts once",
        "the up set has 2 genes; below 10 scores are unsteady",
        "1 of 2 down genes are no genes ('-666': placeholder for a missing gene)",
        "the down set has 1 gene; below 10 scores are unsteady",
        "1 gene is in the up and in the down set",
        "1 gene was found by an older, newer or other name (KIAA0494 is EFCAB14)",
        "genes are named in several ways: 3 symbols, 1 Entrez id",
    ]


def test_each_name_of_a_list_has_one_of_three_answers(toy_index):
    found = ConnectivityIndex.open(toy_index).find_genes(["PSME1", "KIAA0494", "ENSG00000135679.26", "1-Sep", "2"])
    assert found["answer"].tolist() == ["used", "used", "a gene, but not in this index", "not a gene", "not a gene"]
    assert found["gene_id"].tolist()[:2] == ["5720", "9813"] and found["symbol"].tolist()[:2] == ["PSME1", "EFCAB14"]
    assert found["kind"].tolist() == ["symbol", "previous symbol", "Ensembl id", "date", "number"]
    assert found["reason"].iloc[2] == "Ensembl id of MDM2, not among the 978 genes of the index"


def test_ncs_is_normalised_within_groups(toy_index):
    index = ConnectivityIndex.open(toy_index)
    genes = index.genes["gene_id"].tolist()
    result = index.query_many({"a": genes[:40], "b": genes[100:120]})
    info, wtcs, ncs = index.siginfo, result.values("wtcs"), result.values("ncs")
    for query in range(2):
        for cell in ("A375", "MCF7"):
            treated = ((info["cell_id"] == cell) & (info["pert_type"] == "trt_cp")).to_numpy()
            for sign in (1, -1):
                mean = np.abs(wtcs[query, treated & (wtcs[query] * sign > 0)].astype(float)).mean()
                chosen = (info["cell_id"] == cell).to_numpy() & (wtcs[query] * sign > 0)
                np.testing.assert_allclose(ncs[query, chosen], wtcs[query, chosen] / mean, rtol=1e-6)
    groups = result.groups.set_index(["cell_id", "pert_type"])
    assert groups.loc[("A375", "trt_cp"), "normalised_within"] == "cell_id x pert_type"
    assert groups.loc[("MCF7", "ctl_vehicle"), "normalised_within"] == "cell_id"
    assert groups.loc[("MCF7", "ctl_vehicle"), "n_reference"] == 0
    whole = index.query_many({"a": genes[:40]}, group_by=())
    positive = wtcs[0] > 0
    reference = (info["pert_type"] == "trt_cp").to_numpy()
    mean = wtcs[0, positive & reference].astype(float).mean()
    np.testing.assert_allclose(whole.values("ncs")[0, positive], wtcs[0, positive] / mean, rtol=1e-6)
    assert np.isnan(whole.values("tau")).all(), "the background was learned within other groups"


def test_missing_where_background_or_null_is_too_small(toy_files, tmp_path):
    index = ConnectivityIndex.build(tmp_path / "index", *toy_files, background=20)
    table = index.query(up=index.genes["gene_id"].tolist()[:30], null_type=("ctl_untrt",))
    assert table["tau"].isna().all() and table["fdr"].isna().any()
    notes = " ".join(table.attrs["notes"])
    assert "no tau: the background has 20 queries, 50 are needed" in notes
    assert "no fdr for positive scores: 0 null and" in notes


def test_filters_change_nothing_but_the_rows(toy_index):
    index = ConnectivityIndex.open(toy_index)
    up = index.genes["gene_id"].tolist()[:30]
    whole = index.query(up=up).set_index("sig_id")
    some = index.query(up=up, where=["cell_id=mcf7", "tas>=0.5", "pert_type!=ctl_vehicle"]).set_index("sig_id")
    assert 0 < len(some) < len(whole) and set(some["cell_id"]) == {"MCF7"} and some["tas"].min() >= 0.5
    pd.testing.assert_series_equal(some["ncs"], whole.loc[some.index, "ncs"])
    with pytest.raises(ParameterError, match=r"filter 'nix=1': the index has no field 'nix'; it has sig_id, pert_id"):
        index.query(up=up, where="nix=1")
    with pytest.raises(ParameterError, match=r"no signature of the index passes 'cell_id=HELA'"):
        index.query(up=up, where="cell_id=HELA")


def test_full_signature_and_other_metrics(toy_index):
    index = ConnectivityIndex.open(toy_index)
    sig_id = index.siginfo["sig_id"].iloc[7]
    table = index.query(
        signature=index.signature(sig_id),
        metric=("wtcs", "ks", "pearson", "spearman", "cosine", "xsum", "zhang", "rank_test"),
    )
    assert table["sig_id"].iloc[0] == sig_id
    for name in ("pearson", "spearman", "cosine"):
        assert table[name].iloc[0] == pytest.approx(1, abs=1e-6)
    for name in ("ks", "xsum", "zhang", "rank_test"):
        assert table[name].idxmax() == 0
    expected = np.corrcoef(index.signature(sig_id), index.signature(table["sig_id"].iloc[5]))[0, 1]
    assert table["pearson"].iloc[5] == pytest.approx(expected, abs=1e-6)
    with pytest.raises(GeneSetError, match="the query: pearson compares full signatures, but this query has gene sets"):
        index.query(up=["PSME1"], min_set=1, metric=("pearson",))


def test_permutation_p_is_small_for_the_planted_and_large_for_noise(toy_index):
    index = ConnectivityIndex.open(toy_index)
    genes = index.genes["gene_id"].tolist()
    table = index.query(up=genes[:30], down=genes[30:60], permutations=120).set_index("sig_id")
    planted = table["pert_iname"].isin([f"drug-{i}" for i in range(5)]) & (table["pert_type"] == "trt_cp")
    assert table.loc[planted, "p"].median() == pytest.approx(1 / 121)
    assert table.loc[~planted, "p"].median() > 0.3
    again = index.query(up=genes[:30], down=genes[30:60], permutations=120).set_index("sig_id")
    pd.testing.assert_series_equal(table["p"], again["p"])


def test_same_bytes_from_one_and_two_threads(toy_files, tmp_path):
    for threads in (1, 2):
        ConnectivityIndex.build(tmp_path / f"t{threads}", *toy_files, threads=threads)
    files = [sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*") if path.is_file())
             for name in ("t1", "t2")]  # fmt: skip
    assert files[0] == files[1]
    for file in files[0]:
        assert (tmp_path / "t1" / file).read_bytes() == (tmp_path / "t2" / file).read_bytes(), file


def split_study(folder):
    """The made study in two parts."""
    matrix, info = make_signatures()
    parts = []
    for name, chosen in (("one", slice(0, 100)), ("two", slice(100, 150))):
        write_matrix(matrix.take_cols(matrix.cids[chosen]), folder / f"{name}.gctx")
        parts.append(folder / f"{name}.gctx")
    write_table(info, folder / "siginfo.tsv")
    return parts, folder / "siginfo.tsv", matrix


def test_append_gives_the_scores_of_one_build(tmp_path, caplog):
    (one, two), siginfo, matrix = split_study(tmp_path)
    whole = ConnectivityIndex.build(tmp_path / "whole", [one, two], siginfo)
    grown = ConnectivityIndex.build(tmp_path / "grown", one, siginfo)
    old = ConnectivityIndex.open(tmp_path / "grown")
    grown = grown.append(two, siginfo)
    assert len(old) == 100 and len(grown) == 150 and len(grown.store.segments) == 2
    np.testing.assert_array_equal(
        np.concatenate([b.rank for b in grown.store.blocks], 1), rank_descending(matrix.values)
    )
    up = whole.genes["gene_id"].tolist()[:25]
    columns = ["sig_id", "wtcs", "ncs", "fdr"]
    pd.testing.assert_frame_equal(whole.query(up=up)[columns], grown.query(up=up)[columns])
    assert len(old.query(up=up)) == 100, "an open index stays what it was"
    assert grown.query(up=up)["tau"].notna().all(), "appended signatures are scored against the background"
    assert grown.verify() == ([], [])
    assert grown.siginfo["cell_id"].dtype == whole.siginfo["cell_id"].dtype == "category"
    assert grown.siginfo["pert_iname"].tolist() == whole.siginfo["pert_iname"].tolist()
    again = grown.append(two, siginfo)
    assert len(again) == 150 and "from the same files; nothing is added" in caplog.text
    write_matrix(read_matrix(two).with_values(read_matrix(two).values + 1), two)
    with pytest.raises(IndexStoreError, match="50 signatures are in the index already: TOY001"):
        grown.append(two, siginfo)


def _die_in_append(path, two, siginfo, where):
    def die(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(index_writer, where, die)
    ConnectivityIndex.open(path).append(two, siginfo)


@pytest.mark.parametrize("where", ["sync_folder", "file_record", "write_manifest"])
def test_killed_append_leaves_the_old_index(tmp_path, where):
    """Killed before the segment is complete, before the background, and before the manifest."""
    (one, two), siginfo, _ = split_study(tmp_path)
    index = ConnectivityIndex.build(tmp_path / "index", one, siginfo)
    before = index.query(up=index.genes["gene_id"].tolist()[:25])
    process = multiprocessing.get_context("fork").Process(
        target=_die_in_append, args=(tmp_path / "index", two, siginfo, where)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    index = ConnectivityIndex.open(tmp_path / "index")
    pd.testing.assert_frame_equal(index.query(up=index.genes["gene_id"].tolist()[:25]), before)
    faults, remarks = index.verify()
    assert faults == [] and remarks and all("left by a broken append" in remark for remark in remarks)
    grown = index.append(two, siginfo)
    assert len(grown) == 150 and grown.verify() == ([], [])


def test_one_writer_at_a_time(toy_index, toy_files, tmp_path):
    path = tmp_path / "index"
    shutil.copytree(toy_index, path)
    with (
        index_writer.extend_index(path),
        pytest.raises(IndexStoreError, match="another process is writing to this index; try again when it is done"),
    ):
        ConnectivityIndex.open(path).append(*toy_files)


def test_other_peoples_files_probes_and_column_metadata(shared_data, tmp_path):
    """272 public signatures: probe ids as rows, annotation in the columns, latin-1 texts."""
    index = ConnectivityIndex.build(tmp_path / "index", shared_data / "signatures" / "modzs_n272x978.gctx.gz")
    info = index.info()
    assert (info["space"], info["signatures"], info["cells"]) == ("LM", 272, 65)
    table = index.query(up=["PSME1", "ATF1"], min_set=1, where="pert_iname=vemurafenib")
    assert len(table) == 140


def test_damage_is_found(toy_index, tmp_path):
    path = tmp_path / "index"
    shutil.copytree(toy_index, path)
    file = next(path.glob("segments/*/z.bin"))
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(data)
    faults, _ = ConnectivityIndex.open(path).verify()
    assert faults == [f"segments/{file.parent.name}/z.bin: content does not match its checksum"]
    file.write_bytes(data[:-4])
    faults, _ = ConnectivityIndex.open(path).verify()
    assert faults == [f"segments/{file.parent.name}/z.bin: 586796 bytes instead of 586800"]
    with pytest.raises(IndexStoreError, match=r"z.bin: 586796 bytes instead of 586800; the index is damaged, restore"):
        ConnectivityIndex.open(path).query(up=["PSME1"], min_set=1)
    file.unlink()
    faults, _ = ConnectivityIndex.open(path).verify()
    assert faults == [f"segments/{file.parent.name}/z.bin: is missing"]


def test_unknown_versions_and_other_folders_are_refused(toy_index, tmp_path):
    path = tmp_path / "index"
    shutil.copytree(toy_index, path)
    manifest = path / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"version": 1', '"version": 2'))
    with pytest.raises(
        IndexStoreError, match="index format version 2, but this program knows version 1; use the program"
    ):
        ConnectivityIndex.open(path)
    manifest.write_text(text.replace("beadwork-index", "other"))
    with pytest.raises(IndexStoreError, match="is not the manifest of a beadwork index; check the name"):
        ConnectivityIndex.open(path)
    manifest.write_text(text[:-20])
    with pytest.raises(IndexStoreError, match=r"cannot be read .*the index is damaged, restore or rebuild it"):
        ConnectivityIndex.open(path)
    with pytest.raises(
        IndexStoreError, match=r"is not a connectivity index \(no manifest.json\); `beadwork index build`"
    ):
        ConnectivityIndex.open(tmp_path)
    with pytest.raises(IndexStoreError, match=r"is a file; a connectivity index is a folder"):
        ConnectivityIndex.open(manifest)
    with pytest.raises(IndexStoreError, match="no such index; `beadwork index build` makes one"):
        ConnectivityIndex.open(tmp_path / "nix")


def test_inputs_that_do_not_fit_are_refused_before_anything_is_written(toy_files, tmp_path):
    matrix, info = make_signatures(20)
    target = tmp_path / "index"

    def build(matrix, info=info, name="x.gctx", **parameters):
        write_matrix(matrix, tmp_path / name)
        write_table(info, tmp_path / "info.tsv")
        return ConnectivityIndex.build(target, tmp_path / name, tmp_path / "info.tsv", **parameters)

    with pytest.raises(AlignmentError, match=r"x.gctx: 1 of 20 signatures have no row in siginfo"):
        build(matrix, info.iloc[1:])
    with pytest.raises(AlignmentError, match="siginfo: sig_id stand twice: TOY001"):
        build(matrix, pd.concat([info, info.iloc[:1]]))
    values = matrix.values.copy()
    values[5, 3] = np.nan
    with pytest.raises(
        AlignmentError, match=r"x.gctx: missing or infinite values in TOY001_MCF7_24H:BRD-K003:3; every"
    ):
        build(matrix.with_values(values))
    with pytest.raises(LevelError, match=r"lacks 9196 of the 10,174 genes of space BING"):
        build(matrix, space="BING")
    with pytest.raises(LevelError, match=r"x.gctx: holds level QNORM, but an index holds z-scores; give the MODZ file"):
        build(matrix.with_values(matrix.values, level="QNORM"))

    assert not target.exists() and not list(tmp_path.glob(".index*"))
    write_matrix(matrix, tmp_path / "x.gctx")
    write_matrix(matrix, tmp_path / "again.gctx")
    with pytest.raises(AlignmentError, match="signatures stand in more than one place: TOY001"):
        ConnectivityIndex.build(target, [tmp_path / "x.gctx", tmp_path / "again.gctx"])
    build(matrix)
    with pytest.raises(
        IndexStoreError, match="there is an index already; `beadwork index append` adds to it, --overwrite"
    ):
        build(matrix)
    assert len(build(matrix, overwrite=True)) == 20
    (target / "thesis.txt").write_text("precious")
    with pytest.raises(IndexStoreError, match=r"no part of an index \(thesis.txt\) and would be lost"):
        build(matrix, overwrite=True)
    assert (target / "thesis.txt").read_text() == "precious"
    (target / "thesis.txt").unlink()
    with pytest.raises(AlignmentError, match=r"short.gctx: lacks 8 of the 978 genes of the index"):
        write_matrix(matrix.take_rows(matrix.rids[8:]), tmp_path / "short.gctx")
        ConnectivityIndex.open(target).append(tmp_path / "short.gctx", tmp_path / "info.tsv")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("precious")
    with pytest.raises(IndexStoreError, match="is a folder with other content; name a new folder for the index"):
        ConnectivityIndex.build(tmp_path / "other", toy_files[0], overwrite=True)


def test_spaces_and_row_order_of_appended_matrices(tmp_path):
    """A matrix with its rows in another order appends right."""
    matrix, info = make_signatures(40)
    write_table(info, tmp_path / "info.tsv")
    write_matrix(matrix.take_cols(matrix.cids[:20]), tmp_path / "one.gctx")
    turned = matrix.take_cols(matrix.cids[20:]).take_rows(matrix.rids[::-1])
    write_matrix(turned, tmp_path / "two.gctx")
    index = ConnectivityIndex.build(tmp_path / "i", tmp_path / "one.gctx", tmp_path / "info.tsv", background=0)
    index = index.append(tmp_path / "two.gctx", tmp_path / "info.tsv")
    np.testing.assert_array_equal(np.concatenate([b.z for b in index.store.blocks], 1), matrix.values)


def test_bad_queries(toy_index):
    index = ConnectivityIndex.open(toy_index)
    with pytest.raises(GeneSetError, match=r"the query: none of its 2 genes \(FOO, BAR\) is in the index; Entrez ids"):
        index.query(up=["FOO", "BAR"])
    with pytest.raises(GeneSetError, match="no genes given; give up, down or signature"):
        index.query()
    with pytest.raises(GeneSetError, match="fewer than 5 each; give more genes or lower the limit"):
        index.query(up=["PSME1"], min_set=5)
    with pytest.raises(GeneSetError, match=r"2 queries given \(a, b\); use query_many"):
        index.query(up={"a": ["PSME1"], "b": ["ATF1"]})
    with pytest.raises(GeneSetError, match="query q: holds no genes"):
        index.query_many([Query("q")])
    with pytest.raises(GeneSetError, match="the index has no signature 'nix'"):
        index.signature("nix")
    with pytest.raises(ParameterError, match="group-by: the index has no field plate; it has sig_id"):
        index.query(up=["PSME1"], min_set=1, group_by=("plate",))


def test_other_gene_names_from_a_table(toy_index, tmp_path):
    (tmp_path / "ensembl.tsv").write_text("name\tgene_id\nENSG00000092010.15\t5720\nmine\t466\n")
    index = ConnectivityIndex.open(toy_index, gene_names=tmp_path / "ensembl.tsv")
    table = index.query(up=["ENSG00000092010", "ENSG00000092010.3", "MINE", "ENSG0000"], min_set=1)
    assert [item["gene"] for item in table.attrs["missing_genes"]] == ["ENSG0000"]
    assert "1 up gene stands more than once and counts once" in table.attrs["notes"]
    (tmp_path / "bad.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(GeneSetError, match="needs a column name"):
        ConnectivityIndex.open(toy_index, gene_names=tmp_path / "bad.tsv").query(up=["PSME1"], min_set=1)


def _read_while_it_grows(path, ready, stop, result):
    """Open and ask again and again; report how many signatures were seen."""
    seen = set()
    ready.set()
    while not stop.is_set():
        index = ConnectivityIndex.open(path, threads=1)
        table = index.query(up=["PSME1", "ATF1", "RHEB"], min_set=1)
        assert len(table) == len(index)
        seen.add(len(index))
    result.put(sorted(seen))


def test_readers_while_one_appends(tmp_path):
    (one, two), siginfo, _ = split_study(tmp_path)
    path = tmp_path / "index"
    ConnectivityIndex.build(path, one, siginfo)
    context = multiprocessing.get_context("fork")
    stop, result, ready = context.Event(), context.Queue(), [context.Event() for _ in range(2)]
    readers = [context.Process(target=_read_while_it_grows, args=(path, item, stop, result)) for item in ready]
    for reader in readers:
        reader.start()
    for item in ready:
        assert item.wait(120)
    ConnectivityIndex.open(path).append(two, siginfo)
    ConnectivityIndex.open(path, threads=1).query(up=["PSME1"], min_set=1)
    stop.set()
    seen = [result.get(timeout=120) for _ in readers]
    for reader in readers:
        reader.join()
    assert [reader.exitcode for reader in readers] == [0, 0]
    assert all(set(item) <= {100, 150} for item in seen)


def test_an_index_holds_one_level(tmp_path):
    """Single replicates and consensus signatures have other sizes of z."""
    (one, two), siginfo, _ = split_study(tmp_path)
    matrix = read_matrix(two)
    write_matrix(matrix.with_values(matrix.values, level="ZSPC"), tmp_path / "replicates.gctx")
    message = r"replicates.gctx: holds level ZSPC, but .*one.gctx holds MODZ; an index holds one level"
    with pytest.raises(LevelError, match=message):
        ConnectivityIndex.build(tmp_path / "index", [one, tmp_path / "replicates.gctx"], siginfo)
    index = ConnectivityIndex.build(tmp_path / "index", one, siginfo)
    with pytest.raises(LevelError, match=r"replicates.gctx: holds level ZSPC, but .*index holds MODZ"):
        index.append(tmp_path / "replicates.gctx", siginfo)
    assert len(index.append(two, siginfo)) == 150


def test_probe_sets_are_taken_for_their_genes(toy_index):
    """Old gene sets are lists of HG-U133A probe sets; 201746_at is TP53."""
    index = ConnectivityIndex.open(toy_index)
    table = index.query(up=["201746_at", "CDK1", "1294_at", "99999_at"], min_set=1)
    assert "1 probe set of HG-U133A was taken for its genes" in table.attrs["notes"]
    reasons = {item["gene"]: item["reason"] for item in table.attrs["missing_genes"]}
    assert reasons == {
        "1294_at": "probe set of UBA7, not among the 978 genes of the index",
        "99999_at": "unknown probe set, or one of no gene of the platform; not among the 978 genes of the index",
    }


def test_background_of_given_queries(tmp_path):
    (one, two), siginfo, _ = split_study(tmp_path)
    index = ConnectivityIndex.build(tmp_path / "index", one, siginfo, background=0)
    genes, rng = index.genes["gene_id"].to_numpy(), np.random.default_rng(4)
    sets = {f"q{number}": rng.permutation(genes)[:20].tolist() for number in range(60)}
    assert index.query(up=genes[:30].tolist())["tau"].isna().all()
    index = index.learn_background(sets)
    assert index.store.background["made_of"] == "queries" and index.info()["background_queries"] == 60
    table = index.query(up=genes[:30].tolist()).set_index("sig_id")
    others = index.query_many(sets).matrix("ncs").to_frame()
    for sig_id in others.index[:5]:
        smaller = (others.loc[sig_id].abs() < abs(np.float32(table.loc[sig_id, "ncs"]))).mean()
        assert table.loc[sig_id, "tau"] == pytest.approx(np.sign(table.loc[sig_id, "ncs"]) * 100 * smaller, abs=1e-4)
    grown = index.append(two, siginfo)
    assert grown.query(up=genes[:30].tolist())["tau"].notna().all() and grown.verify() == ([], [])
    assert grown.learn_background(background=80).store.background["made_of"] == "signatures"


def test_an_open_index_answers_from_what_it_was_whatever_becomes_of_its_folder(toy_files, tmp_path):
    """Rebuilt from other signatures, in step with others, or removed: nothing is mixed, lazily read parts included."""
    matrix, info = make_signatures(90, seed=8, prefix="NEW")
    write_matrix(matrix, tmp_path / "new.gctx")
    write_table(info, tmp_path / "new.tsv")
    old = ConnectivityIndex.build(tmp_path / "old", *toy_files, background=60)
    up = old.genes["gene_id"].tolist()[:30]
    expected = old.query(up=up)
    for change in ("build", "background", "remove"):
        ConnectivityIndex.build(tmp_path / "index", *toy_files, background=60, overwrite=True)
        index = ConnectivityIndex.open(tmp_path / "index")
        if change == "build":
            ConnectivityIndex.build(
                tmp_path / "index", tmp_path / "new.gctx", tmp_path / "new.tsv", background=60, overwrite=True
            )
            assert len(ConnectivityIndex.open(tmp_path / "index")) == 90
        elif change == "background":
            index.learn_background(background=70)
        else:
            shutil.rmtree(tmp_path / "index")
        pd.testing.assert_frame_equal(index.query(up=up), expected)
        assert index.store.digest == old.store.digest, "what is recorded is what was asked"


def test_queries_mapped_on_another_index_make_no_background(toy_files, tmp_path):
    index = ConnectivityIndex.build(tmp_path / "index", *toy_files, background=0)
    matrix, info = make_signatures(40)
    write_matrix(matrix.take_rows(matrix.rids[:500]), tmp_path / "short.gctx")
    write_table(info, tmp_path / "short.tsv")
    ConnectivityIndex.build(
        tmp_path / "index", tmp_path / "short.gctx", tmp_path / "short.tsv", background=0, overwrite=True
    )
    with pytest.raises(IndexStoreError, match="was rebuilt with other genes since it was opened; open it again"):
        index.learn_background(up={"q": index.genes["gene_id"].tolist()[:20]})


def test_a_build_waits_for_no_other_writer(toy_index, toy_files, tmp_path):
    path = tmp_path / "index"
    shutil.copytree(toy_index, path)
    before = (path / "manifest.json").read_bytes()
    with (
        index_writer.extend_index(path),
        pytest.raises(IndexStoreError, match="another process is writing to this index; try again when it is done"),
    ):
        ConnectivityIndex.build(path, *toy_files, overwrite=True)
    assert (path / "manifest.json").read_bytes() == before and not list(tmp_path.glob(".*"))
    with (
        index_writer.create_index(path, overwrite=True),
        pytest.raises(IndexStoreError, match="another process is writing to this index"),
    ):
        ConnectivityIndex.open(path).append(*toy_files)
