"""Classes of perturbagens from tables as the Repurposing Hub and CLUE have them, from plain tables and from GMT."""

import gzip

import pandas as pd
import pytest

from beadwork.io.connectivity.perturbagen_classes import read_classes
from beadwork.model.connectivity.perturbagen_classes import ClassMember
from beadwork.model.errors import FileError
from beadwork.stages.connectivity.perturbagens import plan_roll_up

HEAD = '!Source\t"A hub of drugs, some institute"\t\t\t\t\n!Restrictions\tnon-commercial use only.\t\t\t\t\n'
DRUGS = HEAD + (
    "pert_iname\tclinical_phase\tmoa\ttarget\tdisease_area\tindication\n"
    "Alpha-one\tLaunched\tHDAC inhibitor|sodium channel blocker\tHDAC1|HDAC2\toncology\tpain\n"
    "beta\tPhase 1\tHDAC inhibitor\tHDAC1\t\t\n"
    "gamma\tPreclinical\t\t\t\t\n"
)
SAMPLES = HEAD + (
    "broad_id\tpert_iname\tqc_incompatible\tpurity\tvendor\tsmiles\tInChIKey\tpubchem_cid\tdeprecated_broad_id\n"
    "BRD-K00000001-001-03-1\tAlpha-one\t0\t98.9\tx\tCC\tAAA\t1\t\n"
    "BRD-K00000001-236-07-9\tAlpha-one\t0\t97.0\ty\tCC\tAAA\t1\tBRD-A00000009-001-01-1\n"
    "BRD-K00000002-001-01-3\tbeta\t0\t99.0\tx\tCO\tBBB\t2\t\n"
)
COMPOUNDINFO = (
    "pert_id\tcmap_name\ttarget\tmoa\tcanonical_smiles\tinchi_key\tcompound_aliases\n"
    'BRD-K00000001\talpha\tHDAC1\tHDAC inhibitor\tCC\tAAA\t""\n'
    "BRD-K00000001\talpha\tHDAC2\tHDAC inhibitor\tCC\tAAA\tSAHA|old name\n"
    'BRD-K00000001\talpha\tSCN1A\tsodium channel blocker\tCC\tAAA\t""\n'
    'BRD-K00000002\tbeta\tHDAC1\tHDAC inhibitor\tCO\tBBB\t""\n'
    'BRD-K00000003\tBRD-K00000003\t""\t""\tCN\tCCC\t""\n'
)


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_drug_table_as_it_is(tmp_path):
    classes = read_classes(write(tmp_path / "drugs.txt.gz", DRUGS))
    assert classes.members == {
        "HDAC inhibitor": [ClassMember((), ("Alpha-one",)), ClassMember((), ("beta",))],
        "sodium channel blocker": [ClassMember((), ("Alpha-one",))],
    }
    assert classes.n_perturbagens == 2 and classes.source == "drugs.txt.gz"


def test_table_of_samples_adds_ids(tmp_path):
    drugs, samples = write(tmp_path / "drugs.txt", DRUGS), write(tmp_path / "samples.txt", SAMPLES)
    for paths in ([drugs, samples], [samples, drugs]):
        members = read_classes(paths).members["HDAC inhibitor"]
        assert [set(member.ids) for member in members] == [
            {"brd-k00000001", "brd-a00000009"}, {"brd-k00000002"},
        ]  # fmt: skip
    with pytest.raises(
        FileError, match=r"samples.txt: lacks moa; it names perturbagens, but not their mechanisms. Give"
    ):
        read_classes(samples)


def test_compoundinfo_has_several_rows_a_compound(tmp_path):
    classes = read_classes(write(tmp_path / "compoundinfo_beta.txt", COMPOUNDINFO))
    alpha, beta = (
        ClassMember(("brd-k00000001",), ("alpha", "SAHA", "old name")),
        ClassMember(("brd-k00000002",), ("beta",)),
    )
    assert classes.members == {"HDAC inhibitor": [alpha, beta], "sodium channel blocker": [alpha]}
    siginfo = pd.DataFrame(
        {
            "pert_id": ["BRD-K00000001", "X7"],
            "pert_iname": ["other name", "Beta"],
            "pert_type": "trt_cp",
            "cell_id": "A",
        }
    )
    plan = plan_roll_up(siginfo, siginfo["cell_id"].notna().to_numpy(), classes)
    assert (plan.match.by_id, plan.match.by_name, plan.match.n_classes, plan.match.n_small) == (1, 1, 1, 1)


def test_plain_tables_and_gmt(tmp_path):
    table = write(tmp_path / "moa.tsv", "pert_iname\tmoa\na\tx|y\nb\ty\nb\ty\nc\tNA\n")
    assert read_classes(table).members == {
        "x": [ClassMember((), ("a",))],
        "y": [ClassMember((), ("a",)), ClassMember((), ("b",))],
    }
    by_id = write(tmp_path / "ids.tsv", "Pert_ID\tMOA\nP1\tx\n")
    assert read_classes(by_id).members == {"x": [ClassMember(("p1",), ())]}
    gmt = write(tmp_path / "sets.gmt", "er\tdescription\tESR1\tBRD-K1\n")
    assert read_classes(gmt).members == {
        "er": [ClassMember(("ESR1",), ("ESR1",)), ClassMember(("BRD-K1",), ("BRD-K1",))]
    }
    assert set(read_classes([table, gmt]).members) == {"x", "y", "er"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drug\tmoa\na\tx\n", "lacks pert_iname or pert_id; classes need a perturbagen"),
        ("pert_iname\ttarget\na\tx\n", "lacks moa; classes need a perturbagen"),
        ("!only\tcomments\n", "is empty; a tab-separated table with a header line is needed"),
    ],
)
def test_other_tables_are_refused(tmp_path, text, message):
    with pytest.raises(FileError, match=message):
        read_classes(write(tmp_path / "x.tsv", text))


def test_the_hubs_own_files(shared_data):
    drugs = shared_data / "annotation" / "repurposing_drugs_20200324.txt.gz"
    simple = shared_data / "annotation" / "repurposing_simple.tsv.gz"
    if not drugs.exists() or not simple.exists():
        pytest.skip("no tables of the Repurposing Hub among the real data")
    one, two = read_classes(drugs), read_classes([drugs, simple])
    assert one.members.keys() <= two.members.keys() and len(one.members["HDAC inhibitor"]) > 20
    assert one.n_perturbagens > 4000
    assert sum(bool(member.ids) for member in two.members["HDAC inhibitor"]) > 20
