# SPDX-License-Identifier: Apache-2.0
"""What FINN is known to compute wrongly or to refuse is named, and nothing else is.

That FINN does so is tested with FINN itself, in ``tests/finn/test_with_finn.py``.
"""

from __future__ import annotations

from typing import Any

import pytest
from finn_networks import NETWORKS, UINT8, FinnCase, Stack
from lab import Mlp

from xnorflow.frontends.qonnx.finn import FinnEffect, finn_warnings
from xnorflow.ir import BIPOLAR, TERNARY, Conv, DataType, Depthwise, Network, int_type, uint_type


def sentences(network: Network) -> tuple[str, ...]:
    return tuple(map(str, finn_warnings(network)))


def after_product(weight: DataType, element: DataType, base: int, output: DataType) -> Network:
    """A product of values of ``element``, and a table of two levels from ``base``."""
    stack = Stack(UINT8, (4,)).table(element, name="in")
    return stack.matmul(2, weight).table(output, base, levels=2, name="act").network()


def convolution(kind: Any, element: DataType, pad: int) -> Network:
    stack = Stack(UINT8, (4, 4, 2)).table(element, name="in")
    if kind is Depthwise:
        return stack.depthwise(BIPOLAR, pad=pad, name="conv").network()
    return stack.conv(4, BIPOLAR, pad=pad, name="conv").network()


@pytest.mark.parametrize("case", NETWORKS.values(), ids=list(NETWORKS))
def test_each_kind_of_network(case: FinnCase) -> None:
    found = {(warning.effect, warning.node) for warning in finn_warnings(case.network())}
    assert found == set(case.warnings)


def test_two_bit_tables_behind_an_xnor_product_that_begin_above_their_type() -> None:
    assert sentences(after_product(BIPOLAR, BIPOLAR, -1, int_type(2))) == (
        "FINN would compute this wrongly: node 'act' gives INT2 from -1, and behind an XNOR "
        "product FINN counts from -2 (its ActVal)",
    )


@pytest.mark.parametrize(
    ("weight", "element", "base", "output"),
    [
        (BIPOLAR, BIPOLAR, -2, int_type(2)),
        (BIPOLAR, BIPOLAR, -1, TERNARY),
        (BIPOLAR, BIPOLAR, 0, uint_type(2)),
        (BIPOLAR, uint_type(2), -1, int_type(2)),
        (TERNARY, uint_type(2), -1, int_type(2)),
    ],
)
def test_other_tables_are_right(
    weight: DataType, element: DataType, base: int, output: DataType
) -> None:
    assert sentences(after_product(weight, element, base, output)) == ()


def test_padded_bipolar_convolutions() -> None:
    assert sentences(convolution(Conv, BIPOLAR, 1)) == (
        "FINN would compute this wrongly: node 'conv' pads BIPOLAR values with 0, which its XNOR "
        "form takes for -1",
    )
    assert sentences(convolution(Conv, BIPOLAR, 0)) == ()
    assert sentences(convolution(Conv, TERNARY, 1)) == ()


@pytest.mark.parametrize("pad", [0, 1])
def test_depthwise_bipolar_convolutions(pad: int) -> None:
    (warning,) = finn_warnings(convolution(Depthwise, BIPOLAR, pad))
    assert (warning.node, warning.effect) == ("conv", FinnEffect.WRONG)
    assert finn_warnings(convolution(Depthwise, TERNARY, pad)) == ()


def test_plain_one_bit_perceptrons_have_none() -> None:
    assert finn_warnings(Mlp().network()) == ()
