# SPDX-License-Identifier: Apache-2.0
"""Strict configuration: TOML into pydantic models, and every mistake as a line that helps.

Values are never converted: ``"15"`` is no number, ``3.0`` no integer.
"""

from __future__ import annotations

import difflib
import json
import tomllib
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from xnorflow.errors import ConfigError

__all__ = ["parse_table", "read_toml"]

M = TypeVar("M", bound=BaseModel)
KeyPath = tuple[str | int, ...]

BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "greater than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
"""Kind of error: name of its limit in the error's context, words."""

TYPE_WORDS = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "float_type": "a number",
    "int_type": "an integer",
    "list_type": "a list",
    "model_type": "a table",
    "string_type": "a string",
    "tuple_type": "a list",
}
"""Kind of error: what the value must be."""


def read_toml(path: Path) -> dict[str, Any]:
    """The TOML document in ``path`` as plain values.

    Raises
    ------
    ConfigError
        If the file is missing or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: must be UTF-8 text (byte {error.start} is not)") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def parse_table(data: Mapping[str, Any], model: type[M], where: str) -> M:
    """The plain values ``data`` as a ``model``.

    Parameters
    ----------
    data
        Keys and values as a TOML document gives them.
    model
        What they must be.
    where
        Where they come from (a file, ``recipe overrides``); messages begin with it.

    Raises
    ------
    ConfigError
        If they are not; the message has a line for each wrong key.
    """
    try:
        return model.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        lines = [f"{where}: {line}" for line in describe(error.errors(include_url=False), model)]
        raise ConfigError("\n".join(lines)) from error
    except ConfigError as error:  # of a rule about several tables
        raise ConfigError(f"{where}: {error}") from error


def describe(errors: Sequence[ErrorDetails], model: type[BaseModel]) -> list[str]:
    """A line for each wrong key, the misspelt ones first."""
    unknown = {
        key_path(error["loc"], model): error
        for error in errors
        if error["type"] == "extra_forbidden"
    }
    meant = {(*path[:-1], closest_key(path, model)) for path in unknown}
    others = [error for error in errors if error["type"] not in ("extra_forbidden", "missing")]
    missing = [key_path(error["loc"], model) for error in errors if error["type"] == "missing"]
    return [
        *(unknown_key(path, error["input"], model) for path, error in unknown.items()),
        *(f"missing key {path[-1]!r}{table_name(path)}" for path in missing if path not in meant),
        *wrong_values(others, model),
    ]


def wrong_values(errors: Sequence[ErrorDetails], model: type[BaseModel]) -> list[str]:
    """A line for each wrong value; the ways in which a union failed are told together."""
    rules: dict[KeyPath, list[str]] = {}
    inputs: dict[KeyPath, Any] = {}
    for error in errors:
        path = key_path(error["loc"], model)
        rules.setdefault(path, []).append(rule_text(error))
        inputs[path] = error["input"]
    return [
        f"{value_name(path)}must be {' or '.join(dict.fromkeys(texts))}, "
        f"not {value_text(inputs[path])}"
        for path, texts in rules.items()
        if not any(is_inside(other, path) for other in rules)
    ]


def is_inside(path: KeyPath, outer: KeyPath) -> bool:
    """Whether ``path`` lies below ``outer``, whose own error then only follows from it."""
    return len(path) > len(outer) and path[: len(outer)] == outer


def key_path(loc: KeyPath, model: type[BaseModel]) -> KeyPath:
    """``loc`` up to the key that is wrong, without the branch of a union that pydantic appends."""
    path: KeyPath = ()
    annotation: Any = model
    for part in loc:
        if not (is_model(annotation) or element_type(annotation) is not None):
            break
        annotation = step_into(annotation, part)
        path = (*path, part)
    return path


def step_into(annotation: Any, part: str | int) -> Any:
    """Type of what lies at ``part`` in a value of type ``annotation``; None where unknown."""
    if not is_model(annotation):
        return element_type(annotation)
    field = annotation.model_fields.get(part)
    return None if field is None else plain_type(field.annotation)


def plain_type(annotation: Any) -> Any:
    """``annotation`` without ``Annotated`` and without ``None`` as an alternative."""
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        options = [option for option in get_args(annotation) if option is not type(None)]
        return plain_type(options[0]) if len(options) == 1 else annotation
    return annotation


def element_type(annotation: Any) -> Any:
    """Type of the elements of a list, tuple or dictionary type; None for any other type."""
    if get_origin(annotation) not in (list, tuple, dict):
        return None
    options = [option for option in get_args(annotation) if option is not Ellipsis]
    return plain_type(options[-1])


def is_model(annotation: Any) -> bool:
    """Whether ``annotation`` is a class of tables."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def table_keys(path: KeyPath, model: type[BaseModel]) -> list[str]:
    """Keys of the table in which ``path`` lies."""
    table: Any = model
    for part in path[:-1]:
        table = step_into(table, part)
    return list(table.model_fields) if is_model(table) else []


def closest_key(path: KeyPath, model: type[BaseModel]) -> str | None:
    """The key that ``path``, a wrong one, is perhaps meant to be."""
    close = difflib.get_close_matches(str(path[-1]), table_keys(path, model), n=1)
    return close[0] if close else None


def unknown_key(path: KeyPath, value: Any, model: type[BaseModel]) -> str:
    """That a key is unknown, what was perhaps meant, and which keys there are."""
    close = closest_key(path, model)
    hint = f"; did you mean {close!r}?" if close else ""
    kind = "table" if isinstance(value, dict) else "key"
    known = ", ".join(table_keys(path, model))
    return f"unknown {kind} {path[-1]!r}{table_name(path)}{hint} (known: {known})"


def table_name(path: KeyPath) -> str:
    """In which table the key ``path`` lies; empty at the top."""
    return f" in [{dotted(path[:-1])}]" if len(path) > 1 else ""


def value_name(path: KeyPath) -> str:
    """The value at ``path`` as the subject of a sentence; empty for the document itself."""
    table = next((i for i, part in enumerate(path) if isinstance(part, int)), len(path)) - 1
    return f"{dotted(path[table:])}{table_name(path[: table + 1])} " if path else ""


def dotted(path: KeyPath) -> str:
    """``path`` as people write it: ``layers[2].pe``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def rule_text(error: ErrorDetails) -> str:
    """What the value must be, from pydantic's ``error``."""
    context = error.get("ctx", {})
    match error["type"]:
        case kind if kind in TYPE_WORDS:
            return TYPE_WORDS[kind]
        case kind if kind in BOUNDS:
            limit, words = BOUNDS[kind]
            return f"{words} {context[limit]:g}"
        case "literal_error" | "enum":
            first, _, last = str(context["expected"]).rpartition(" or ")
            return f"one of {first}, {last}" if first else last
        case "too_short":
            return f"a list of {context['min_length']} or more"
        case "too_long":
            return f"a list of {context['max_length']} or fewer"
    message = error["msg"].removeprefix("Value error, ")
    return message.removeprefix("Input should be ").removeprefix("must be ")


def value_text(value: Any) -> str:
    """``value`` as TOML shows it, shortened where it is long."""
    text = json.dumps(value, default=str) if isinstance(value, bool | dict) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
