# SPDX-License-Identifier: Apache-2.0
"""Which layer a cell of a netlist belongs to, by its name.

Flattening keeps the path of instances in a cell's name, and Yosys and nextpnr name the cells that
they make after nets and cells that they come from.
"""

from __future__ import annotations

from collections.abc import Iterable

from xnorflow.hw.top import TOP_NAME
from xnorflow.ir import Dataflow

__all__ = ["OUTSIDE", "LayerNames"]

OUTSIDE = ""
"""Stands for everything that is in no layer: the link, clock and reset."""


class LayerNames:
    """Finds layers in names.

    Parameters
    ----------
    names
        Names of the layers.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted(names, key=len, reverse=True)

    @classmethod
    def of(cls, dataflow: Dataflow) -> LayerNames:
        """Of the layers of ``dataflow``."""
        return cls(dataflow.types)

    def of_cell(self, cell: str) -> str:
        """The layer that ``cell`` is in, or :data:`OUTSIDE`.

        A wire of the top module is named after its layer and belongs to it.

        Examples
        --------
        >>> layers = LayerNames(["fc1", "fifo_fc1"])
        >>> layers.of_cell("core.accelerator.fc1.sum_SB_LUT4_O_LC")
        'fc1'
        >>> layers.of_cell("core.accelerator.fifo_fc1_ready_LUT4_Z")
        'fifo_fc1'
        >>> layers.of_cell("core.receiver.count_SB_DFF_Q")
        ''
        """
        _, found, path = cell.partition(f"{TOP_NAME}.")
        if not found:
            return OUTSIDE
        part = path.partition(".")[0]
        inside = (name for name in self._names if part == name or part.startswith(f"{name}_"))
        return next(inside, OUTSIDE)
