"""LoopBack filters against a plain definition, for any conditions; what cannot be used is refused."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from beadwork.model.connectivity.signature_table import SignatureTable

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from beadwork.serve.clue.loopback import from_brackets, matching, ordered, read_filter, records
from beadwork.serve.clue.names import check_names
from beadwork.serve.refusals import RefusedError

ROWS = [
    {"name": name, "cells": cells, "dose": dose, "n": n}
    for name, cells, dose, n in [
        ("vorinostat", "A375|MCF7", 10.0, 3), ("Vorapaxar", "MCF7", 0.5, 1), ("trichostatin-a", None, None, 7),
        ("10", "HT29", 10.0, 2), (None, "A375", 3.33, 2), ("100% pure", "PC3|HT29", 1.0, 0),
    ]
]  # fmt: skip
TABLE = SignatureTable(
    pa.table({
        "name": pa.array([row["name"] for row in ROWS], pa.string()),
        "cells": pa.array([row["cells"] for row in ROWS], pa.string()),
        "dose": pa.array([row["dose"] for row in ROWS], pa.float64()),
        "n": pa.array([row["n"] for row in ROWS], pa.int64()),
    })
)  # fmt: skip


def parts(value):
    return [value] if not isinstance(value, str) or "|" not in value else [value, *value.split("|")]


def plain(value):
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def equal(value, wanted):
    return plain(value) == plain(wanted)


def number(value):
    try:
        return float(value)
    except ValueError:
        return None


def less(one, two):
    a, b = number(one), number(two)
    if a is not None and b is not None:
        return a < b
    return a is None and b is None and str(one) < str(two)


def holds(row, field, operator, wanted):
    """What the conditions mean, said plainly for one value."""
    value = row[field]
    if operator in ("neq", "nin", "nlike"):
        return not holds(row, field, {"neq": "eq", "nin": "inq", "nlike": "like"}[operator], wanted)
    if value is None:
        return operator == "eq" and wanted is None
    several = parts(value)
    if operator == "eq":
        return wanted is not None and any(equal(one, wanted) for one in several)
    if operator == "inq":
        return any(equal(one, item) for one in several for item in wanted)
    if operator == "between":
        return any(not less(one, wanted[0]) and not less(wanted[1], one) for one in several)
    if operator == "like":
        return any(wanted in plain(one) for one in several)
    tests = {"gt": lambda one: less(wanted, one), "lt": lambda one: less(one, wanted),
             "gte": lambda one: not less(one, wanted), "lte": lambda one: not less(wanted, one)}  # fmt: skip
    return any(tests[operator](one) for one in several)


NUMBERS = st.sampled_from([0, 1, 2, 3, 3.33, 10, 0.5, 100])
TEXTS = st.sampled_from(["vorinostat", "A375", "MCF7", "HT29", "10", "nix", "Vorapaxar"])
ANY_VALUE = st.one_of(NUMBERS, TEXTS)
ON_TEXT = st.one_of(
    st.tuples(st.sampled_from(["name", "cells"]), st.sampled_from(["eq", "neq"]), st.one_of(ANY_VALUE, st.none())),
    st.tuples(st.sampled_from(["name", "cells"]), st.sampled_from(["inq", "nin"]), st.lists(ANY_VALUE, max_size=4)),
    st.tuples(st.sampled_from(["name", "cells"]), st.sampled_from(["like", "nlike"]),
              st.sampled_from(["vor", "A3", "10", "F7", "a"])),
)  # fmt: skip
ON_NUMBER = st.one_of(
    st.tuples(st.sampled_from(["dose", "n"]), st.sampled_from(["eq", "neq", "gt", "gte", "lt", "lte"]), NUMBERS),
    st.tuples(st.sampled_from(["dose", "n"]), st.sampled_from(["inq", "nin"]), st.lists(NUMBERS, max_size=4)),
    st.tuples(st.sampled_from(["dose", "n"]), st.just("between"), st.tuples(NUMBERS, NUMBERS).map(sorted)),
)
LEAF = st.one_of(ON_TEXT, ON_NUMBER)


def where_of(tree):
    if isinstance(tree, dict):
        return {next(iter(tree)): [where_of(item) for item in next(iter(tree.values()))]}
    field, operator, wanted = tree
    return {field: wanted} if operator == "eq" else {field: {operator: wanted}}


def truth(row, tree):
    if isinstance(tree, dict):
        ((word, items),) = tree.items()
        return {"and": all, "or": any}[word](truth(row, item) for item in items)
    field, operator, wanted = tree
    return holds(row, field, operator, wanted)


TREES = st.recursive(
    LEAF, lambda inner: st.dictionaries(st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3),
                                        min_size=1, max_size=1), max_leaves=6,
)  # fmt: skip


@given(TREES)
def test_any_conditions_are_as_defined(tree):
    found = matching(TABLE, json.loads(json.dumps(where_of(tree))))
    assert found.tolist() == [truth(row, tree) for row in ROWS]


def in_brackets(item, path="filter[where]"):
    """The parameters of an address that say the same as JSON."""
    if isinstance(item, dict):
        return [pair for key, inner in item.items() for pair in in_brackets(inner, f"{path}[{key}]")]
    if isinstance(item, list):
        return [pair for at, inner in enumerate(item) for pair in in_brackets(inner, f"{path}[{at}]")]
    return [(path, "null" if item is None else str(item))]


def has_empty_lists(item):
    inner = list(item.values()) if isinstance(item, dict) else item if isinstance(item, list) else []
    return item == [] or any(has_empty_lists(one) for one in inner)


@given(TREES, st.randoms(use_true_random=False))
def test_any_conditions_may_be_written_in_an_address(tree, random):
    where = where_of(tree)
    assume(not has_empty_lists(where))  # an address has no way to say them
    pairs = in_brackets(where)
    random.shuffle(pairs)
    found = read_filter(from_brackets(pairs, "filter")).where
    assert matching(TABLE, found).tolist() == matching(TABLE, json.loads(json.dumps(where))).tolist()


@given(st.integers(0, 8), st.integers(0, 8), st.sampled_from(["name", "dose", "n", "cells"]), st.booleans())
def test_order_limit_and_skip(limit, skip, field, descending):
    wanted = read_filter(
        json.dumps({"limit": limit, "skip": skip, "order": f"{field} {'DESC' if descending else 'ASC'}"})
    )
    rows = ordered(TABLE, np.arange(len(ROWS)), wanted.order)
    values = [ROWS[row][field] for row in rows.tolist()]
    known = [(0, number(one), "") if number(one) is not None else (1, 0.0, one) for one in values if one is not None]
    assert known == sorted(known, reverse=descending) and all(one is None for one in values[len(known) :])
    assert wanted.limit == (limit or None) and wanted.skip == skip


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"like": "%stat%"}, {"vorinostat", "trichostatin-a"}),
        ({"like": "vor%"}, {"vorinostat"}),
        ({"ilike": "vor%"}, {"vorinostat", "Vorapaxar"}),
        ({"like": "^vor.*stat$"}, {"vorinostat"}),
        ({"like": "VOR", "options": "i"}, {"vorinostat", "Vorapaxar"}),
        ({"regexp": "/^vor/i"}, {"vorinostat", "Vorapaxar"}),
        ({"regexp": "100% pure"}, {"100% pure"}),
        ({"regexp": "^(vor|tri).*a"}, {"vorinostat", "trichostatin-a"}),
        ({"regexp": "^VOR[a-i]", "options": "i"}, {"vorinostat", "Vorapaxar"}),
        ({"regexp": "(a+)+$"}, {"trichostatin-a"}),
        ({"like": "(a+)+$"}, {"trichostatin-a"}),
        ({"like": "^(vor|tri)[ic]"}, {"vorinostat", "trichostatin-a"}),
        ({"like": "^VOR[a-i]", "options": "i"}, {"vorinostat", "Vorapaxar"}),
        ({"nlike": "[vV]or"}, {"trichostatin-a", "10", "100% pure", None}),
        ({"like": "(+)"}, set()),
        ({"like": "vor.n"}, {"vorinostat"}),
        ({"gt": "u"}, {"vorinostat"}),
        ({"exists": False}, {None}),
        ({"neq": None}, {row["name"] for row in ROWS} - {None}),
    ],
)
def test_patterns_and_missing_values(wanted, found):
    assert {ROWS[row]["name"] for row in np.flatnonzero(matching(TABLE, {"name": wanted}))} == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "filter: is not JSON"), ("[1]", "filter: is no JSON object"),
        ('{"wher": {}}', "there is no key 'wher'; did you mean 'where'"),
        ('{"limit": "x"}', "limit is no whole number"), ('{"limit": 2.5}', "limit is no whole number"),
        ('{"skip": true}', "skip is no whole number"), ('{"skip": -1}', "skip is below 0"),
        ('{"order": "a b c"}', "order is a field, and ASC or DESC"), ('{"fields": 3}', "fields is neither a list"),
        ('{"where": 3}', "where is no object"), ('{"include": 3}', "include is a name"),
        ('{"include": {"relation": "x", "scope": {"limit": 1}}}', "include takes relation alone, without scope"),
        ('{"where": {"n": {"gt": NaN}}}', "filter: is not JSON"), ('{"limit": Infinity}', "filter: is not JSON"),
        ('{"order": "a, b DOWN"}', "order is a field, and ASC or DESC"), ('{"order": "a,"}', "order is a field"),
    ],
)  # fmt: skip
def test_filters_that_are_refused(text, words):
    with pytest.raises((RefusedError, TypeError), match=words.replace("(", r"\(")):
        read_filter(text)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"name": {"around": 3}}, "there is no condition 'around'"),
        ({"name": {"lik": "a"}}, "there is no condition 'lik'; did you mean 'like'"),
        ({"name": {"regexp": "(a"}}, "regexp cannot be read"), ({"and": {}}, "and is no list of conditions"),
        ({"n": {"between": [1]}}, "between needs a list of two values"),
        ({"name": ["a"]}, "a list of values is written"),
        ({"name": {"like": "%a%b%c%d%e%f%"}}, "more than 5 wildcards"), ({"name": {}}, "a condition is empty"),
        ({"name": {"inq": [{}]}}, "a value is a text, a number"), ({"n": {"gt": None}}, "a number or a text is needed"),
        ({"n": {"gt": "many"}}, "the field holds numbers, and 'many' is none"), ({"or": []}, "or has no conditions"),
        ({"dose": {"between": [1, "nan"]}}, "the field holds numbers, and 'nan' is none"),
    ],
)  # fmt: skip
def test_conditions_that_are_refused(where, words):
    with pytest.raises(RefusedError, match=words):
        matching(TABLE, where)


def test_conditions_nested_too_deep_are_refused():
    where = {"n": 1}
    for _ in range(30):
        where = {"and": [where]}
    with pytest.raises(RefusedError, match="more than 20 levels"):
        matching(TABLE, where)


def test_brackets_are_the_same_filter():
    text = from_brackets(
        [("filter[where][name][inq][0]", "a"), ("filter[where][name][inq][1]", "b"), ("filter[limit]", "2")], "filter"
    )
    assert json.loads(text) == {"where": {"name": {"inq": ["a", "b"]}}, "limit": "2"}
    assert read_filter(text).limit == 2


def test_brackets_say_lists_in_their_order_and_what_is_missing():
    given = [("filter[where][n][between][10]", "7"), ("filter[where][n][between][9]", "2"),
             ("filter[where][name]", "null"), ("filter[order][1]", "n"), ("filter[order][0]", "name DESC")]  # fmt: skip
    found = json.loads(from_brackets(given, "filter"))
    assert found == {"where": {"n": {"between": ["2", "7"]}, "name": None}, "order": ["name DESC", "n"]}
    assert np.flatnonzero(matching(TABLE, found["where"])).tolist() == [4]


@pytest.mark.parametrize("given", [["filter", "filter"], ["filter", "filter[limit]"], ["filter[limit]", "filter"]])
def test_a_filter_that_is_given_twice_is_refused(given):
    with pytest.raises(RefusedError, match="filter is given twice; give it once, as JSON or in brackets"):
        from_brackets([(name, "{}") for name in given], "filter")


def test_order_may_be_one_text_with_commas():
    assert read_filter('{"order": "n DESC, name"}').order == (("n", True), ("name", False))
    assert read_filter('{"order": ""}').order == ()


@pytest.mark.parametrize("kind", [pa.float64(), pa.int64(), pa.bool_()])
@pytest.mark.parametrize(
    ("yes", "no"), [(True, False), (1, 0), ("1", "0"), ("true", "false"), ("TRUE", "FALSE"), (1.0, 0.0)]
)
def test_yes_and_no_are_said_in_any_way(kind, yes, no):
    table = SignatureTable(pa.table({"flag": pa.array([1, 0, None, 1]).cast(kind)}))
    assert matching(table, {"flag": yes}).tolist() == [True, False, False, True]
    assert matching(table, {"flag": no}).tolist() == [False, True, False, False]
    assert matching(table, {"flag": {"neq": yes}}).tolist() == [False, True, True, False]
    assert matching(table, {"flag": {"inq": [yes, no]}}).tolist() == [True, True, False, True]


def test_words_of_truth_are_texts_elsewhere():
    table = SignatureTable(pa.table({"name": ["true", "TRUE", "1", "x"], "n": [1, 2, 0, 3]}))
    assert matching(table, {"name": "true"}).tolist() == [True, False, False, False]
    assert matching(table, {"name": True}).tolist() == [True, True, True, False]
    assert not matching(table, {"n": "true"}).any()


def test_records_leave_missing_values_out_and_list_several():
    found = records(TABLE, np.array([0, 2]), ["name", "cells", "dose"], (), ["cells"])
    assert found == [{"name": "vorinostat", "cells": ["A375", "MCF7"], "dose": 10.0}, {"name": "trichostatin-a"}]


def test_numbers_of_single_precision_are_those_that_were_written():
    table = SignatureTable(pa.table({"cc": pa.array(np.array([0.18, 0.2, 0.46], np.float32).astype(np.float64))}))
    for where, found in (
        ({"cc": 0.18}, [0]), ({"cc": "0.18"}, [0]), ({"cc": {"inq": [0.2, 0.46]}}, [1, 2]),
        ({"cc": {"lte": 0.2}}, [0, 1]),
        ({"cc": {"gt": 0.2}}, [2]), ({"cc": {"neq": 0.2}}, [0, 2]), ({"cc": {"between": [0.18, 0.2]}}, [0, 1]),
    ):  # fmt: skip
        assert np.flatnonzero(matching(table, where)).tolist() == found, where


NAMES = ["sig_id", "pert_iname", "cell_id", "tas"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"where": {"pert_inam": "x"}}, "where: there is no field 'pert_inam'; did you mean 'pert_iname'"),
        ({"where": {"or": [{"and": [{"cel_id": 1}]}, {"tas": 1}]}}, "no field 'cel_id'; did you mean 'cell_id'"),
        ({"where": {"where": {"tas": 1}}}, "there is no field 'where'; there are sig_id, pert_iname, cell_id, tas"),
        ({"where": {"is_touchstone": 1}}, "where: sigs of this index have no is_touchstone; there are sig_id"),
        ({"where": {"up100_bing": "7157"}}, "up100_bing is made for fields; where cannot use it"),
        ({"order": "TAS"}, "order: there is no field 'TAS'; did you mean 'tas'"),
        ({"fields": ["sig_id", "cell_idd"]}, "fields: there is no field 'cell_idd'; did you mean 'cell_id'"),
        ({"fields": {"cell_idd": False}}, "fields: there is no field 'cell_idd'; did you mean 'cell_id'"),
    ],
)  # fmt: skip
def test_fields_that_nobody_knows_are_refused(given, words):
    with pytest.raises(RefusedError, match=words):
        check_names("sigs", NAMES, read_filter(json.dumps(given)))


def test_fields_that_clue_had_are_left_out_by_name():
    given = {"fields": ["sig_id", "pert_vehicle", "up50_lm"], "where": {"tas": {"gt": 0}}, "order": "tas DESC"}
    assert check_names("sigs", NAMES, read_filter(json.dumps(given))) == ["pert_vehicle"]
    assert check_names("sigs", NAMES, read_filter('{"fields": {"pert_vehicle": false}}')) == []
    assert read_filter('{"fields": ""}').fields is None, "R sends a text of no letters"
