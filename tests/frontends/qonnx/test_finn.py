# SPDX-License-Identifier: Apache-2.0
"""What FINN is known to compute wrongly is named, and nothing else is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lab import Mlp

from xnorflow.frontends.qonnx.finn import finn_warnings
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Conv,
    DataType,
    Depthwise,
    Input,
    MatMul,
    Network,
    TensorType,
    Threshold,
    ThresholdTable,
    Window,
    int_type,
    uint_type,
)


def after_product(weight: DataType, element: DataType, base: int, output: DataType) -> Network:
    """A product of four inputs, and a table of two levels from ``base``."""
    table = ThresholdTable(np.array([[0, 2]]), np.array([False]), base, output)
    weights = np.ones((2, 4), np.int8)
    return Network(
        (
            Input(name="image", type=TensorType(element, (4,))),
            MatMul(name="fc", inputs=("image",), weights=weights, weight_type=weight),
            Threshold(name="act", inputs=("fc",), table=table),
        )
    )


def convolution(kind: Any, element: DataType, padding: tuple[int, int, int, int]) -> Network:
    shape = (2, 3, 3) if kind is Depthwise else (4, 3, 3, 2)
    node = kind(
        name="conv",
        inputs=("image",),
        weights=np.ones(shape, np.int8),
        weight_type=BIPOLAR,
        window=Window((3, 3), padding=padding),
    )
    return Network((Input(name="image", type=TensorType(element, (4, 4, 2))), node))


def sentences(network: Network) -> tuple[str, ...]:
    return tuple(map(str, finn_warnings(network)))


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
        (TERNARY, BIPOLAR, -1, int_type(2)),
    ],
)
def test_other_tables_are_right(
    weight: DataType, element: DataType, base: int, output: DataType
) -> None:
    assert finn_warnings(after_product(weight, element, base, output)) == ()


@pytest.mark.parametrize("kind", [Conv, Depthwise])
def test_padded_bipolar_convolutions(kind: Any) -> None:
    assert sentences(convolution(kind, BIPOLAR, (0, 1, 0, 0))) == (
        "FINN would compute this wrongly: node 'conv' pads BIPOLAR values with 0, which its XNOR "
        "form takes for -1",
    )
    assert finn_warnings(convolution(kind, BIPOLAR, (0, 0, 0, 0))) == ()
    assert finn_warnings(convolution(kind, TERNARY, (1, 1, 1, 1))) == ()


def test_plain_one_bit_perceptrons_have_none() -> None:
    assert finn_warnings(Mlp().network()) == ()
