"""Parameters: one home of each default, refused when wrong, rendered as the flags that commands take."""

import shlex

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from beadwork.cli.options import params_options
from beadwork.model import params as module
from beadwork.model.errors import ParameterError
from beadwork.model.params import (
    ConsensusParams,
    DeconvolveParams,
    Params,
    QueryParams,
    SimulateParams,
    ZscoreParams,
    flag_name,
    make_params,
    place_of,
    render_flags,
)

MODELS = [
    item for item in vars(module).values() if isinstance(item, type) and issubclass(item, Params) and item is not Params
]


@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_has_a_default_and_a_description(model):
    model()
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name} lacks a description"
        assert not field.description.endswith("."), "the command line adds the full stop"
        assert "unspecified" not in field.description


@pytest.mark.parametrize("model", MODELS)
def test_flags_give_back_the_parameters(model):
    """The flags of a rule, read by the command, are the parameters again."""
    seen = []

    @click.command()
    @params_options(model)
    def command(params):
        seen.append(params)

    result = CliRunner().invoke(command, shlex.split(render_flags(model())), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert seen == [model()]
    assert CliRunner().invoke(command, []).exit_code == 0
    assert seen[1] == model(), "the defaults of the command line are those of the model"


@given(st.integers(10, 384), st.floats(0.5, 500), st.lists(st.sampled_from(["A375", "MCF7", "PC3"]), min_size=1,
                                                           unique=True))  # fmt: skip
def test_any_values_survive_the_command_line(wells, beads_mean, cells):
    params = SimulateParams(wells=wells, beads_mean=beads_mean, cells=tuple(cells))
    seen = []

    @click.command()
    @params_options(SimulateParams)
    def command(params):
        seen.append(params)

    assert CliRunner().invoke(command, shlex.split(render_flags(params))).exit_code == 0
    assert seen == [params]


def test_rendering():
    assert render_flags(ZscoreParams(min_mad=0.2)) == "--min-mad 0.2 --min-population 3 --scale own --sd-slope 1.5"
    assert "--no-flip" in render_flags(DeconvolveParams(flip=False)).split()
    assert "--flip" in render_flags(DeconvolveParams()).split()
    assert "--group-by brew_prefix,pert_id" in render_flags(ConsensusParams(group_by=("brew_prefix", "pert_id")))
    assert flag_name("min_peak_support_pct") == "--min-peak-support-pct"


def test_parameters_are_frozen():
    with pytest.raises(ValidationError):
        ZscoreParams().min_mad = 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"min_mad": 0}, "parameter min_mad: input should be greater than 0, not 0"),
        ({"min_mad": "much"}, "parameter min_mad: input should be a valid number"),
        ({"min_mda": 1}, "parameter min_mda: unknown; check its spelling"),
        ({"min_mad": -1, "min_population": 1}, "not -1; parameter min_population"),
    ],
)
def test_wrong_parameters(values, message):
    with pytest.raises(ParameterError) as caught:
        make_params(ZscoreParams, **values)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (("metric",), "metric"), (("metric", 1), "metric, item 2"), (("query", "metric", 0), "query.metric, item 1"),
        (("queries", 0, "up"), "queries, item 1, up"), ((), ""),
    ],
)  # fmt: skip
def test_places_of_mistakes(location, words):
    assert place_of(location) == words


def test_members_of_lists_are_counted_from_one():
    with pytest.raises(ParameterError, match=r"^parameter metric, item 2: input should be 'wtcs', .* not 'foo'$"):
        make_params(QueryParams, metric=("wtcs", "foo"))
