"""What is generated from the code is in step with it, and the configuration with the commands."""

import importlib.util
from pathlib import Path

import click
import pytest
import yaml

from beadwork.cli import COMMANDS, cli
from beadwork.model.config import SECTIONS, Config, check_config
from beadwork.model.params import flag_name

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_in_step(generate):
    diff = generate.out_of_step()
    assert not diff, f"{diff}\nrun `make docs`"


def test_the_default_configuration_holds_every_key_with_its_default():
    values = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    assert set(values) == set(Config.model_fields)
    assert check_config(values) == Config()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_a_flag_of_the_command_of_the_same_name(section):
    command = cli.get_command(click.Context(cli), section.replace("_", "-"))
    if section == "index":
        command = command.get_command(click.Context(command), "build")
    flags = {flag for option in command.params for flag in option.opts}
    for key in SECTIONS[section].model_fields:
        assert flag_name(key) in flags


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_documented_options(name):
    command = cli.get_command(click.Context(cli), name)
    commands = command.commands.values() if isinstance(command, click.Group) else [command]
    for one in commands:
        assert one.help, f"{one.name} has no help"
        for option in one.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {one.name}: {option.opts} has no help"


def test_every_metric_stands_on_the_page_of_one_method(generate):
    listed = [metric for _, metrics in generate.METHODS.values() for metric in metrics.split()]
    assert sorted(listed) == sorted(generate.METRICS)


def test_every_method_has_a_page(generate):
    pages = {path.stem for path in (ROOT / "docs" / "methods").glob("*.md")} - {"index"}
    assert pages == set(generate.METHODS)
