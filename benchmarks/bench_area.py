# SPDX-License-Identifier: Apache-2.0
"""LUTs, depth and clock of popcounts and layers: ours, what one writes first, and peers.

``python -m benchmarks.bench_area --help`` says how to measure a part of it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.area.bounds import adder_bound, pin_bound
from benchmarks.area.measure import Selection, circuit_rows
from benchmarks.area.mvaus import folded_rows
from benchmarks.area.popcounts import Popcount, popcount_contenders
from benchmarks.area.rows import AreaRow, row_line, table_lines
from benchmarks.area.unrolled import Unrolled, unrolled_contenders
from xnorflow.hw.families import Device

__all__ = ["measure", "show"]

TITLE = "Area and clock of popcounts and layers, by Yosys and nextpnr"
ON_REQUEST = True

POPCOUNT_BITS = (64, 256, 784)
PLACED_BITS = 256
"""Popcounts of so many bits are placed and routed."""
LAYER = (64, 32)
NETWORK = (256, 64, 64, 10)
"""Inputs and neurons of the layers with constant weights."""


def popcount_rows(selection: Selection) -> Iterator[AreaRow]:
    """Popcounts of each size, with what they cannot go below."""
    for bits in selection.bits or POPCOUNT_BITS:
        for constant in (False, True):
            popcount = Popcount(bits, constant)
            circuit = popcount.circuit()
            contenders = popcount_contenders(popcount)
            yield from circuit_rows(circuit, contenders, selection, placing=bits == PLACED_BITS)
            for device in selection.devices:
                bounds = {
                    "bound of adders": adder_bound(bits, device),
                    "bound of pins": pin_bound(bits, constant, device),
                }
                for name, luts in bounds.items():
                    yield AreaRow(device, circuit.subject, name, luts, luts / bits)


def unrolled_rows(selection: Selection) -> Iterator[AreaRow]:
    """One layer with constant weights."""
    yield from unrolled_circuit_rows(Unrolled(LAYER), selection)


def network_rows(selection: Selection) -> Iterator[AreaRow]:
    """A whole network with constant weights."""
    yield from unrolled_circuit_rows(Unrolled(NETWORK), selection)


def unrolled_circuit_rows(unrolled: Unrolled, selection: Selection) -> Iterator[AreaRow]:
    """Rows of all contenders for some layers."""
    contenders = unrolled_contenders(unrolled)
    yield from circuit_rows(unrolled.circuit(), contenders, selection, placing=True)


SUBJECTS: Mapping[str, Callable[[Selection], Iterator[AreaRow]]] = {
    "popcount": popcount_rows,
    "mvau": folded_rows,
    "unrolled": unrolled_rows,
    "network": network_rows,
}
DEFAULT_SUBJECTS = ("popcount", "mvau", "unrolled")
"""All but the whole network, of which the peer takes minutes to generate and to synthesise."""


def measure(
    subjects: Sequence[str] = DEFAULT_SUBJECTS, selection: Selection | None = None
) -> list[AreaRow]:
    """Rows of ``subjects``, keys of :data:`SUBJECTS`; each is told on stderr when it is there."""
    chosen = selection or Selection()
    rows = []
    for subject in subjects:
        for row in SUBJECTS[subject](chosen):
            print(row_line(row), file=sys.stderr, flush=True)
            rows.append(row)
    return rows


def show(rows: Sequence[AreaRow]) -> None:
    """A table for each family."""
    print("\n".join(table_lines(TITLE, rows)))


def main() -> None:
    """Measure a part."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_area", description=__doc__)
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=DEFAULT_SUBJECTS)
    parser.add_argument("--families", nargs="+", choices=list(Device), default=list(Device))
    parser.add_argument("--bits", nargs="+", type=int, default=[], help="of popcounts")
    parser.add_argument("--contenders", nargs="+", default=[], metavar="NAME", help="some of them")
    parser.add_argument("--no-place", action="store_true", help="no place and route")
    options = parser.parse_args()
    devices = tuple(Device(name) for name in options.families)
    selection = Selection(
        devices, frozenset(options.contenders), not options.no_place, tuple(options.bits)
    )
    show(measure(options.subjects, selection))


if __name__ == "__main__":
    main()
