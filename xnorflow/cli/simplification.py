# SPDX-License-Identifier: Apache-2.0
"""The options that say how far a network is simplified, and what was removed, in words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from xnorflow.hw.passes import Removal

__all__ = ["PASSES", "arguments", "removal_lines", "simplification_options"]

PASSES = ("trim-thresholds", "remove-constant", "remove-unread", "merge-equal")
"""Names of the passes."""

MOST_NODES = 4
"""Nodes that are listed one by one."""


def simplification_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for a command: adds the options, and passes on ``without``, a tuple of names."""

    @click.option(
        "--no-simplify",
        is_flag=True,
        help="Build the network as it is, with all its channels and thresholds.",
    )
    @click.option(
        "--without",
        type=click.Choice(PASSES),
        multiple=True,
        metavar="PASS",
        help=f"Leave one pass of the simplification out: {', '.join(PASSES)}. May be repeated.",
    )
    @functools.wraps(function)
    def run(*args: Any, no_simplify: bool, without: tuple[str, ...], **kwargs: Any) -> Any:
        return function(*args, without=PASSES if no_simplify else without, **kwargs)

    return run


def arguments(without: Collection[str]) -> str:
    """The options that leave passes out, each with a space before it.

    Examples
    --------
    >>> arguments({"merge-equal"}), arguments(PASSES), arguments(())
    (' --without merge-equal', ' --no-simplify', '')
    """
    if len(without) == len(PASSES):
        return " --no-simplify"
    return "".join(f" --without {name}" for name in PASSES if name in without)


def removal_lines(removed: Sequence[Removal]) -> list[str]:
    """What was removed, a line for each pass that removed anything."""
    steps = dict.fromkeys(removal.step for removal in removed)
    return [f"{step}: {', '.join(parts([r for r in removed if r.step == step]))}" for step in steps]


def parts(removed: list[Removal]) -> list[str]:
    """What one pass removed: of each node, or summed up where these are many."""
    if len({removal.node for removal in removed}) <= MOST_NODES:
        return [str(removal) for removal in removed]
    lines = []
    for what in dict.fromkeys(removal.what for removal in removed):
        alike = [removal for removal in removed if removal.what == what]
        gone, total = sum(r.removed for r in alike), sum(r.total for r in alike)
        lines.append(f"{gone:,} of {total:,} {what} of {len(alike)} nodes")
    return lines
