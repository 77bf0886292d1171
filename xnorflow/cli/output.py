# SPDX-License-Identifier: Apache-2.0
"""What a command prints: its result as text, or with ``--json`` as JSON; nothing else on stdout."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import math
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from enum import Enum
from typing import Any

import click

__all__ = ["plain", "prints", "text_table"]


def prints(
    text: Callable[[Any], str],
    *,
    record: Callable[[Any], object] = lambda result: result,
    passed: Callable[[Any], bool] = lambda _: True,
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Decorator for a command that gives a result: adds ``--json`` and prints the result.

    While the command runs, whatever is printed goes to stderr.

    Parameters
    ----------
    text
        The result as text for people.
    record
        What to print as JSON: a dataclass, or plain values; by default the result.
    passed
        Whether the exit code is 0; else it is 1.

    Examples
    --------
    >>> @click.command()
    ... @click.argument("count", type=int)
    ... @prints(lambda result: f"{result['count']} lines")
    ... def command(count: int) -> dict[str, int]:
    ...     return {"count": count}
    >>> command.main(["3"], standalone_mode=False)
    3 lines
    >>> command.main(["3", "--json"], standalone_mode=False)
    {
     "count": 3
    }
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
        @functools.wraps(function)
        def run(*args: Any, as_json: bool, **kwargs: Any) -> None:
            with contextlib.redirect_stdout(sys.stderr):
                result = function(*args, **kwargs)
            document = json.dumps(plain(record(result)), indent=1) if as_json else text(result)
            click.echo(document)
            if not passed(result):
                click.get_current_context().exit(1)

        return run

    return decorate


def plain(value: Any) -> Any:
    """``value`` as JSON values: dataclasses by their fields, paths and choices as text.

    Examples
    --------
    >>> from pathlib import Path
    >>> plain({"folder": Path("runs") / "demo", "cycles": (1, 2), "loss": float("nan")})
    {'folder': 'runs/demo', 'cycles': [1, 2], 'loss': None}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if hasattr(value, "tolist"):  # numpy's arrays and scalars, without importing numpy
        return plain(value.tolist())
    return str(value)


def text_table(
    heads: tuple[str, ...], rows: Sequence[tuple[object, ...]], text: Container[int] = (0,)
) -> list[str]:
    r"""Lines of a table; whole numbers get separators.

    Parameters
    ----------
    heads
        Headings of the columns.
    rows
        A cell for each column.
    text
        Columns that are text, which begins on the left.

    Examples
    --------
    >>> print(*text_table(("layer", "busy"), [("fc1", 1234), ("label", 5)]), sep="\n")
    layer   busy
    fc1    1,234
    label      5
    """
    cells = [heads, *([f"{c:,}" if isinstance(c, int) else str(c) for c in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number in text else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
