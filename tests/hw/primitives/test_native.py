# SPDX-License-Identifier: Apache-2.0
"""The cells of each family against what stands for them in simulation: proved equal by Yosys.

What the cells compute is what Yosys' models of them say, which are not of this project.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from xnorflow.hw.emit.verilog import WeightStorage, component_verilog
from xnorflow.hw.families import Device
from xnorflow.hw.primitives import (
    AdderRow,
    CounterKind,
    CounterRow,
    LutPairRow,
    SignedFunction,
    absorbs,
)
from xnorflow.hw.primitives.native import CHAIN_DEVICES
from xnorflow.toolchain import failure_line, require_tool

MODELS = {
    Device.ICE40: "-D NO_ICE40_DEFAULT_ASSIGNMENTS +/ice40/cells_sim.v",
    Device.ECP5: "-D NO_INCLUDES +/ecp5/cells_sim.v",
    Device.GOWIN: "+/gowin/cells_sim.v",
    Device.XC7: "+/xilinx/cells_sim.v",
}

SCRIPT = """\
read_verilog -formal top.v
prep -flatten -top top
rename top plain
design -stash plain
read_verilog top.v
read_verilog -defer {models}
prep -flatten -top top
rename top cells
design -stash cells
design -copy-from plain -as plain plain
design -copy-from cells -as cells cells
miter -equiv -flatten -make_assert plain cells miter
sat -verify -prove-asserts -set-def-inputs miter
"""


class Around(wiring.Component):
    """A module with the same ports around a component."""

    def __init__(self, inner: Any) -> None:
        super().__init__(dict(inner.signature.members))
        self._inner = inner

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inner = self._inner
        wiring.connect(m, wiring.flipped(self), self._inner)
        return m


def prove_equal(component: Any, device: Device, folder: Path) -> None:
    """Refuse a component whose two bodies differ for some input."""
    sources = component_verilog(Around(component), "top", WeightStorage.FILES)
    assert "`ifdef SYNTHESIS" in sources.verilog
    (folder / "top.v").write_text(sources.verilog)
    (folder / "prove.ys").write_text(SCRIPT.format(models=MODELS[device]))
    result = require_tool("yosys", "prove cells").run("prove.ys", folder=folder)
    assert result.returncode == 0, failure_line(result)
    assert "SAT proof finished - no model found: SUCCESS!" in result.stdout


def flip_sets(device: Device) -> Iterator[tuple[str, ...]]:
    """Every set of operands that the family's chain complements."""
    free = sorted(absorbs(device))
    return chain.from_iterable(combinations(free, size) for size in range(len(free) + 1))


ROWS = [
    (device, adders, width_bits, flips)
    for device in sorted(CHAIN_DEVICES)
    for flips in flip_sets(device)
    for adders, width_bits in ((3, 1), (2, 2))
]


@pytest.mark.parametrize(("device", "adders", "width_bits", "flips"), ROWS)
def test_adder_row(
    device: Device, adders: int, width_bits: int, flips: tuple[str, ...], tmp_path: Path
) -> None:
    prove_equal(AdderRow(device, adders, width_bits, flips), device, tmp_path)


@pytest.mark.parametrize("device", sorted(CHAIN_DEVICES))
def test_adder_row_on_several_chains(device: Device, tmp_path: Path) -> None:
    prove_equal(AdderRow(device, 20, 2, absorbs(device)), device, tmp_path)


@pytest.mark.parametrize("kind", CounterKind)
def test_counter_row(kind: CounterKind, tmp_path: Path) -> None:
    prove_equal(CounterRow(kind, 2), Device.XC7, tmp_path)


def test_counters_with_complemented_inputs(tmp_path: Path) -> None:
    row = CounterRow(CounterKind.SEVEN, 3, flips=[0b00001, 0b10110, 0b11111])
    prove_equal(row, Device.XC7, tmp_path)


def test_lut_pair_row(tmp_path: Path) -> None:
    """Every function of the kind, each with its counterpart of the other kind."""
    functions = [
        SignedFunction(majority, flips, sign)
        for majority in (False, True)
        for flips in product((0, 1), repeat=3)
        for sign in (0, 1)
    ]
    pairs = list(zip(functions, reversed(functions), strict=True))
    prove_equal(LutPairRow(pairs), Device.XC7, tmp_path)


def test_lut_pairs_of_equal_functions_side_by_side(tmp_path: Path) -> None:
    first = SignedFunction(majority=True, flips=(1, 0, 0), sign=1)
    second = SignedFunction(majority=False, flips=(0, 0, 0), sign=0)
    pairs = [(first, second), (first, second), (first, first), (second, first), (second, second)]
    prove_equal(LutPairRow(pairs), Device.XC7, tmp_path)


@pytest.mark.parametrize("majority", [False, True])
def test_normal_functions_are_the_same(majority: bool) -> None:
    for a, b, c, sign in product((0, 1), repeat=4):
        function = SignedFunction(majority, (a, b, c), sign)
        assert sum(function.normal.flips) <= majority
        for bits in product((0, 1), repeat=3):
            assert function.normal.evaluate(bits) == function.evaluate(bits)


def test_signed_functions() -> None:
    for bits in product((0, 1), repeat=3):
        majority = SignedFunction(majority=True, flips=(0, 1, 0), sign=1)
        assert majority.evaluate(bits) == 1 - (bits[0] + (1 - bits[1]) + bits[2] >= 2)
        parity = SignedFunction(majority=False, flips=(0, 0, 0), sign=0)
        assert parity.evaluate(bits) == sum(bits) % 2
