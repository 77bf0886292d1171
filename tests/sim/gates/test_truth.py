# SPDX-License-Identifier: Apache-2.0
"""Expressions compute their truth tables."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from xnorflow.sim.gates.netlist import GATES
from xnorflow.sim.gates.truth import expression, reduced


@st.composite
def functions(draw: st.DrawFn, most: int = 6) -> tuple[int, int]:
    """A truth table and its number of inputs."""
    inputs = draw(st.integers(0, most))
    return draw(st.integers(0, 2 ** (2**inputs) - 1)), inputs


def value_of(text: str, bits: list[int]) -> int:
    """The expression as Python computes it."""
    names = {"ZERO": 0, "ONE": -1, "MUX": lambda s, a, b: (b & s) | (a & ~s)}
    return eval(text.format(*[f"({-bit})" for bit in bits]), names) & 1


@given(functions())
def test_expression_is_the_table(function: tuple[int, int]) -> None:
    table, inputs = function
    text = expression(table, inputs)
    for index in range(1 << inputs):
        bits = [index >> k & 1 for k in range(inputs)]
        assert value_of(text, bits) == table >> index & 1, text


@given(functions(), st.data())
def test_reduced_is_the_same_function_of_the_nets(
    function: tuple[int, int], data: st.DataObject
) -> None:
    """Nets 0 and 1 are constants, others may come twice."""
    table, inputs = function
    nets = tuple(data.draw(st.integers(0, 4)) for _ in range(inputs))
    small, used = reduced(table, nets)
    assert len(set(used)) == len(used)
    assert not {0, 1} & set(used)
    for values in range(8):
        value = {0: 0, 1: 1} | {net: values >> (net - 2) & 1 for net in (2, 3, 4)}
        full = sum(value[net] << k for k, net in enumerate(nets))
        part = sum(value[net] << k for k, net in enumerate(used))
        assert table >> full & 1 == small >> part & 1


def test_known_functions_take_few_operations() -> None:
    assert expression(0x8000, 4) == "({0} & ({1} & ({2} & {3})))"
    for letters, table in GATES.values():
        text = expression(table, len(letters))
        assert len(re.findall(r"[&|^]|MUX", text)) <= 2 * len(letters) - 3 or len(letters) < 3, text
