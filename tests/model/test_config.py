"""Configuration and plate sheet: what is accepted, and the messages for what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.model.config import SECTIONS, Config, check_config
from beadwork.model.errors import MapError, ParameterError
from beadwork.model.params import render_flags
from beadwork.model.plates.sheet import count_wells, parse_plate_sheet, parse_plate_sheets

HEADER = "det_plate\tlxb\tmap"


def sheet(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def test_defaults_are_complete_and_survive_a_round_trip():
    config = check_config({})
    assert config == Config()
    assert check_config(config.model_dump(mode="json")) == config


def test_an_empty_section_means_its_defaults():
    assert check_config({"zscore": None}).zscore == Config().zscore


def test_lists_may_be_comma_separated_text():
    config = check_config({"consensus": {"group_by": "brew_prefix, pert_id"}})
    assert config.consensus.group_by == ("brew_prefix", "pert_id")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"zscore": {"min_madd": 1}}, "c.yaml: zscore.min_madd: unknown key; did you mean min_mad?"),
        ({"zscores": {}}, "c.yaml: zscores: unknown key; did you mean zscore?"),
        ({"zscore": {"min_mad": 0}}, "c.yaml: zscore.min_mad: must be greater than 0, not 0"),
        ({"zscore": {"min_mad": "much"}},
         "c.yaml: zscore.min_mad: must be a valid number, unable to parse string as a number, not 'much'"),
        ({"zscore": 3}, "c.yaml: zscore: must be a section of key: value lines, not 3"),
        ({"normalize": {"smoother": "spline"}}, "c.yaml: normalize.smoother: must be 'cmap' or 'stable', not 'spline'"),
        ({"queries": "mine"}, "c.yaml: queries: must be a list, not 'mine'"),
        ({"queries": [{"name": "q"}]}, "c.yaml: queries, item 1, up: is missing; it must be given"),
        ({"queries": [{"name": "a/b", "up": "u.gmt"}]},
         "c.yaml: queries, item 1, name: must be a name of letters, digits, '.', '-' and '_', not 'a/b'"),
        ({"queries": [{"name": "q", "up": "u.gmt"}] * 2},
         "c.yaml: queries: the name q stands 2 times; give each query a name of its own"),
        ({"infer": {"space": "LM"}, "index": {"space": "AIG"}},
         "c.yaml: index.space: AIG needs more genes than infer.space LM gives; set index.space to auto"),
        ({"deconvolve": {"method": "kspeak"}, "zscore_sd": True},
         "c.yaml: zscore_sd: needs uncertainties, which deconvolve.method kspeak does not give; set deconvolve.method "
         "to mixture, or zscore_sd to false"),
        ({"results": "r{brew}"},
         "c.yaml: results: r{brew} holds { or }, which mean something else in a workflow; rename it"),
        ({"queries": [{"name": "q", "up": "a}.gmt"}]},
         "c.yaml: queries, item 1, up: a}.gmt holds { or }, which mean something else in a workflow; rename it"),
        ({"plates": ["a.tsv", "{b}.tsv"]},
         "c.yaml: plates: a.tsv,{b}.tsv holds { or }, which mean something else in a workflow; rename it"),
    ],
)  # fmt: skip
def test_wrong_configuration(values, message):
    with pytest.raises(ParameterError) as caught:
        check_config(values, "c.yaml")
    assert str(caught.value) == message


def test_all_mistakes_come_at_once():
    with pytest.raises(ParameterError) as caught:
        check_config({"zscore": {"min_mad": -1}, "resuls": "x", "normalize": {"min_slop": 1}}, "c.yaml")
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.tsv: is empty; it needs a header line with det_plate, lxb, map"),
        ("det_plate,lxb,map\n", "p.tsv: lacks the column det_plate; columns must be separated by tabs"),
        (sheet(header="det_plate\tlxb"), "p.tsv: lacks the column map"),
        (sheet(header=f"{HEADER}\tbead_bach"), "p.tsv: column bead_bach is unknown; did you mean bead_batch?"),
        (sheet(header=f"{HEADER}\tuse\tuse"), "p.tsv: column use stands 2 times; keep one"),
        (sheet("P1\tx\ty\tz"), "p.tsv: line 2 has 4 cells, but there are 3 columns"),
        (sheet("P1\t\ty"), "p.tsv: line 2: lxb is empty; it must be given"),
        (sheet("P 1\tx\ty"),
         "p.tsv: line 2: det_plate: must be a name of letters, digits, '.', '-' and '_', not 'P 1'"),
        (sheet("P1\tx\ty", "P1\tx\ty"), "p.tsv: line 3: det_plate P1 stands in line 2 already; one row per plate"),
        (sheet("P1\tx\ty\tmaybe", header=f"{HEADER}\tuse"), "p.tsv: line 2: use: must be 'yes' or 'no', not 'maybe'"),
        (sheet("P1\t$NOT_SET_ANYWHERE/x\ty"),
         "p.tsv: line 2: lxb: environment variable NOT_SET_ANYWHERE is not set; set it, or write the path out"),
        (sheet("P1\tx\tm{plate}.map"),
         "p.tsv: line 2: map: m{plate}.map holds { or }, which mean something else in a workflow; rename it"),
        (sheet("P1\tx\t~o\0"),
         "p.tsv: line 2: map: holds a NUL character, which no path can; save the sheet anew as text"),
        (sheet("P1_A375_24H_X1\tx\ty\tB", "P2_MCF7_24H_X1\tx\ty\tB", header=f"{HEADER}\tbrew_prefix"),
         "p.tsv: brew_prefix B has plates of different cells (A375, MCF7); replicates share one cell"),
    ],
)  # fmt: skip
def test_wrong_plate_sheet(text, message):
    with pytest.raises(MapError) as caught:
        parse_plate_sheet(text, "p.tsv", files=False)
    assert message in str(caught.value).splitlines()


def test_missing_files_are_named_with_where_they_were_sought(tmp_path):
    with pytest.raises(MapError) as caught:
        parse_plate_sheet(sheet("P1\tx\ty"), "p.tsv", data=str(tmp_path))
    assert str(caught.value).splitlines() == [
        f"p.tsv: line 2: lxb: there is no folder or archive {tmp_path}/x; relative paths start from {tmp_path}",
        f"p.tsv: line 2: map: there is no file {tmp_path}/y; relative paths start from {tmp_path}",
    ]


def test_rows_not_to_use_are_left_out_and_not_looked_at(tmp_path, monkeypatch):
    (tmp_path / "raw").mkdir()
    (tmp_path / "m.map").write_text("x")
    monkeypatch.setenv("RAW_FOLDER", str(tmp_path))
    text = "# my plates\n" + sheet(
        "P1_A375_24H_X1_B20\t$RAW_FOLDER/raw\tm.map\t", "P2_A375_24H_X2_B20\tgone\tgone\tno", header=f"{HEADER}\tuse"
    )
    (row,) = parse_plate_sheet(text, "p.tsv", data=str(tmp_path))
    assert (row.det_plate, row.brew) == ("P1_A375_24H_X1_B20", "P1_A375_24H")
    assert (row.lxb, row.map) == (str(tmp_path / "raw"), str(tmp_path / "m.map"))
    assert row.bead_batch is None


def test_count_wells_reads_any_case_and_names_what_is_missing():
    text = "rna_well\tpert_id\tpert_type\nA01\tDMSO\tCTL_VEHICLE\nA02\tDMSO\tctl_vehicle\nA03\tX\ttrt_cp\n"
    counts = count_wells(text, "m.map")
    assert (counts.wells, counts.vehicles) == (3, 2)
    with pytest.raises(
        MapError, match=r"m\.map: lacks the column\(s\) rna_well \(or det_well, well_position\), pert_type"
    ):
        count_wells("well\tpert_id\n", "m.map")


@given(st.floats(min_value=1e-6, max_value=1e6, allow_nan=False))
def test_flags_hold_the_value_to_the_last_digit(value):
    params = SECTIONS["zscore"](min_mad=value)
    words = render_flags(params).split()
    assert float(words[words.index("--min-mad") + 1]) == value


def test_several_sheets_are_read_as_one_and_a_later_one_may_supersede_a_plate():
    header = "det_plate\tlxb\tmap\tuse\tbatch"
    first = sheet("P1_A375_24H_X1\ta\tm\tyes\tone", "P1_A375_24H_X2\tb\tm\tno\tone", header=header)
    second = sheet("P1_A375_24H_X2\tc\tm\tyes\ttwo", header=header)
    rows = parse_plate_sheets([(first, "a.tsv"), (second, "b.tsv")], files=False)
    assert [(row.det_plate, row.lxb, row.batch) for row in rows] == [
        ("P1_A375_24H_X1", "a", "one"), ("P1_A375_24H_X2", "c", "two")]  # fmt: skip
    with pytest.raises(MapError, match=r"b.tsv: det_plate P1_A375_24H_X1 stands in a.tsv already; say use: no there"):
        parse_plate_sheets([(first, "a.tsv"), (first, "b.tsv")], files=False)
    other = sheet("P1_A375_24H_X3\tc\tm\tyes\tMCF7", header="det_plate\tlxb\tmap\tuse\tcell_id")
    with pytest.raises(MapError, match=r"a.tsv, b.tsv: brew_prefix P1_A375_24H has plates of different cells"):
        parse_plate_sheets([(first, "a.tsv"), (other, "b.tsv")], files=False)


def test_sheets_as_a_list_or_separated_by_commas():
    assert check_config({"plates": ["a.tsv", "b.tsv"]}, "c.yaml").sheets == ("a.tsv", "b.tsv")
    assert check_config({"plates": "a.tsv, b.tsv"}, "c.yaml").sheets == ("a.tsv", "b.tsv")


def test_keys_of_one_version_ago_are_read_under_their_names_of_today():
    config = check_config({"check_plates": {"odd_well_mads": 4.0, "odd_well_margin": 0.3}})
    assert config.check_plates.outlier_well_mads == 4.0
    assert config.check_plates.outlier_well_margin == 0.3
