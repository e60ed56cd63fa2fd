"""What all parameter models share: how they are made, refused, named as flags and rendered."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationError

from beadwork.model.errors import ParameterError

SUBRAMANIAN_2017 = "Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049"


class Params(BaseModel):
    """Base of all parameter models: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


ParamsType = TypeVar("ParamsType", bound="Params")


def make_params(model: type[ParamsType], **values: Any) -> ParamsType:
    """Build a parameter model; a wrong value becomes one clear line.

    Raises
    ------
    ParameterError
        Naming the parameter, its value and what is allowed.
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise ParameterError(explain_validation(error)) from None


def explain_validation(error: ValidationError, spell: Callable[[str], str] = "parameter {}".format) -> str:
    """All mistakes that pydantic found, in one line.

    Parameters
    ----------
    spell
        Says of a field what it is to the user: a parameter, the flag of a command.
    """
    parts = []
    for item in error.errors():
        name = place_of(item["loc"], spell)
        if item["type"] == "extra_forbidden":
            parts.append(f"{name}: unknown; check its spelling")
        else:
            parts.append(f"{name}: {item['msg'][0].lower()}{item['msg'][1:]}, not {item['input']!r}")
    return "; ".join(parts)


def place_of(location: Sequence[int | str], spell: Callable[[str], str] = str) -> str:
    """Where a mistake is, for people: ``queries, item 2, up`` where pydantic says ``("queries", 1, "up")``."""
    text = ""
    for piece in location:
        if isinstance(piece, int):
            text += f", item {piece + 1}"
        elif not text:
            text = spell(piece)
        else:
            text += f", {piece}" if ", item " in text else f".{piece}"
    return text


def flag_name(field: str) -> str:
    """Name of the command-line flag of a parameter: ``min_bead`` -> ``--min-bead``."""
    return "--" + field.replace("_", "-")


def former_names(model: type[Params], field: str) -> list[str]:
    """Names that a field had one version ago, which configurations and flags still know."""
    known = model.model_fields[field].validation_alias
    return [str(name) for name in known.choices if name != field] if isinstance(known, AliasChoices) else []


def render_flags(params: Params, names: Mapping[str, str] | None = None) -> str:
    """Render parameters as command-line flags, those that differ from the default and those that do not.

    The result is what a workflow rule puts on a command line, so that changing any value re-runs the rule.  `names` has
    other names of the flags of some fields (:func:`plate_names`).
    """
    import shlex

    words = []
    for field, value in params:
        name = (names or {}).get(field, field)
        if isinstance(value, bool):
            words.append(flag_name(name) if value else "--no-" + name.replace("_", "-"))
        elif isinstance(value, tuple | list):
            words += [flag_name(name), shlex.quote(",".join(str(item) for item in value))]
        elif value is not None:
            words += [flag_name(name), shlex.quote(str(value))]
    return " ".join(words)


def plain_type(annotation: Any) -> Any:
    """Type of a field without ``| None``."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation


def expectation(item: Any) -> str:
    """Say what was expected in the words of the person who reads it."""
    if item["type"] == "string_pattern_mismatch":
        return "must be a name of letters, digits, '.', '-' and '_'"
    if item["type"] in ("model_type", "model_attributes_type"):
        return "must be a section of key: value lines"
    if item["type"] in ("tuple_type", "list_type"):
        return "must be a list"
    message = str(item["msg"]).replace("Input should be", "must be")
    return message[0].lower() + message[1:]
