# SPDX-License-Identifier: Apache-2.0
"""Rows of the contenders for a circuit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from benchmarks.area.circuit import TOP, Circuit, Contender, NotAvailableError, netlist_proof
from benchmarks.area.netlist import Netlist, plain_sources, synthesise_sources
from benchmarks.area.placement import place
from benchmarks.area.rows import AreaRow
from benchmarks.area.wrapper import Boundary
from xnorflow.errors import ToolError
from xnorflow.hw.emit import VerilogSources
from xnorflow.hw.families import Device

__all__ = ["Selection", "circuit_rows", "netlist_row", "noted", "placed_row"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What to measure.

    Parameters
    ----------
    devices
        Families.
    contenders
        Names; empty for all.
    placing
        Whether to place and route, which takes most of the time.
    bits
        Sizes of popcounts; empty for the usual ones.
    """

    devices: tuple[Device, ...] = tuple(Device)
    contenders: frozenset[str] = frozenset()
    placing: bool = True
    bits: tuple[int, ...] = ()

    def wants(self, contender: str) -> bool:
        """Whether this contender is asked for."""
        return not self.contenders or contender in self.contenders


def circuit_rows(
    circuit: Circuit, contenders: Iterable[Contender], selection: Selection, *, placing: bool
) -> Iterator[AreaRow]:
    """A row of each contender on each family, proven to compute ``circuit``.

    Parameters
    ----------
    placing
        Whether this circuit is to be placed, if the selection places at all.
    """
    wanted = [contender for contender in contenders if selection.wants(contender.name)]
    for device in selection.devices:
        for contender in wanted:
            row = AreaRow(device, circuit.subject, contender.name)
            measured = partial(circuit_row, row, circuit, contender, placing and selection.placing)
            yield noted(row, measured)


def noted(row: AreaRow, measured: Callable[[], AreaRow]) -> AreaRow:
    """What ``measured()`` gives; if something is missing for that, ``row`` that says what."""
    try:
        return measured()
    except (NotAvailableError, ToolError) as error:
        return replace(row, note=str(error))


def circuit_row(row: AreaRow, circuit: Circuit, contender: Contender, placing: bool) -> AreaRow:
    """``row`` with everything that is measured of a contender."""
    device = Device(row.family)
    sources = plain_sources(contender.verilog(device))
    netlist = synthesise_sources(sources, device, TOP, netlist_proof(circuit, contender, device))
    row = netlist_row(row, netlist, circuit.operations)
    boundary = Boundary(TOP, circuit.inputs, circuit.outputs)
    return noted(row, lambda: placed_row(row, sources, boundary)) if placing else row


def netlist_row(row: AreaRow, netlist: Netlist, operations: int | None = None) -> AreaRow:
    """``row`` with what is counted after synthesis."""
    counts = netlist.utilisation
    return replace(
        row,
        luts=counts.luts,
        luts_per_operation=counts.luts / operations if operations else None,
        carries=counts.carries,
        flip_flops=counts.flip_flops,
        block_rams=counts.block_rams,
        depth=netlist.depth,
        levels=netlist.levels,
    )


def placed_row(row: AreaRow, sources: VerilogSources, boundary: Boundary) -> AreaRow:
    """``row`` with what is measured after place and route."""
    placement = place(sources, boundary, Device(row.family))
    return replace(row, part=placement.part, cells=placement.cells, fmax_mhz=placement.fmax_mhz)
