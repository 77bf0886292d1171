# SPDX-License-Identifier: Apache-2.0
"""Products as netlists: what a family has multipliers for, and what becomes its logic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from xnorflow.hw.families import Device

LANES = 64
WIDTH = 40
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Product:
    """Two factors, and whether a register follows.

    The product has as many bits as it needs: where a register has its sign bit twice, Yosys 0.70
    takes both away when it moves the register into a DSP48E1.
    """

    widths: tuple[int, int]
    signed: tuple[bool, bool]
    registered: bool

    def verilog(self) -> str:
        """Factors lie side by side in a beat, the first one low."""
        names, low, factors = ("a", "b"), 0, ""
        for name, width, signed in zip(names, self.widths, self.signed, strict=True):
            # A bit more makes an unsigned factor a signed one of the same value.
            head = f"s_axis_tdata[{low + width - 1}]" if signed else "1'b0"
            value = f"{{{head}, s_axis_tdata[{low} +: {width}]}}"
            factors += f"wire signed [{width}:0] {name} = {value};\n"
            low += width
        top = sum(self.widths) - any(self.signed)
        product = f"wire signed [{top}:0] p = a * b;\n"
        if not self.registered:
            return factors + product + "assign m_axis_tdata = p;"
        return f"""{factors}{product}
          reg signed [{top}:0] q = 0;
          always @(posedge aclk) if (go) q <= p;
          assign m_axis_tdata = q;
        """

    def expected(self, beats: Array) -> Array:
        factors, low = [], 0
        for width, signed in zip(self.widths, self.signed, strict=True):
            value = beats >> low & (1 << width) - 1
            factors.append(value - (signed * (value >> width - 1) << width))
            low += width
        product = factors[0] * factors[1]
        if self.registered:
            product = np.concatenate([np.zeros_like(product[:1]), product[:-1]])
        return product & (1 << WIDTH) - 1


PRODUCTS = [
    Product((8, 3), (False, True), False),
    Product((2, 2), (True, True), False),
    Product((8, 8), (True, True), True),
    Product((17, 9), (False, False), False),
    Product((18, 18), (True, True), True),
]


def cases() -> list[Any]:
    """A few for CI, all for the rest."""
    quick = {(Device.ECP5, 0), (Device.GOWIN, 0), (Device.XC7, 2)}
    return [
        pytest.param(
            device,
            product,
            marks=[] if (device, index) in quick else pytest.mark.slow,
            id=f"{device}-{'x'.join(map(str, product.widths))}-{product.registered}",
        )
        for device in (None, *Device)
        for index, product in enumerate(PRODUCTS)
    ]


@pytest.mark.parametrize(("device", "product"), cases())
def test_product(bench: Any, device: Device | None, product: Product) -> None:
    beats = np.random.default_rng(0).integers(0, 1 << sum(product.widths), (40, LANES))
    got = bench(product.verilog(), beats, WIDTH, device)
    np.testing.assert_array_equal(got, product.expected(beats))
