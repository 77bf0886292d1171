# SPDX-License-Identifier: Apache-2.0
"""``xnorflow datasets``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.quant.data import DatasetInfo

__all__ = ["command"]


def table(datasets: tuple[DatasetInfo, ...]) -> str:
    """A line for each data set."""
    width = max(len(info.name) for info in datasets)
    return "\n".join(
        f"{info.name:<{width}}  {'here' if info.available else 'not here':<8}  "
        f"{info.summary} ({info.source})"
        for info in datasets
    )


@click.command()
@prints(table)
def command() -> tuple[DatasetInfo, ...]:
    """List the data sets and whether they are here.

    A recipe's `dataset` may also be a folder of idx files or an .npz file of your own.
    """
    from xnorflow.quant.data import list_datasets

    return list_datasets()
