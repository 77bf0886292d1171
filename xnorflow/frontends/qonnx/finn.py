# SPDX-License-Identifier: Apache-2.0
"""What FINN is known to refuse of an exported file, or to compute as something else.

Each was seen with finn-plus 1.6.1: ``tests/finn/test_with_finn.py`` runs it on a network for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Conv,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Network,
    Node,
    Pad,
    SumPool,
    TensorType,
    Thermometer,
    Threshold,
)

__all__ = [
    "FinnEffect",
    "FinnWarning",
    "Product",
    "finn_warnings",
    "is_absorbed",
    "is_xnor",
    "origin_of",
    "users",
]

Product = MatMul | Conv | Depthwise

MOVERS = (MaxPool, Flatten)
"""Nodes through which FINN follows bits."""


class FinnEffect(StrEnum):
    """What FINN would do with a node."""

    WRONG = "compute this wrongly"
    REFUSED = "refuse this"


@dataclass(frozen=True, slots=True)
class FinnWarning:
    """What FINN would do with a node; printed, a sentence.

    Parameters
    ----------
    node
        Name of the node.
    effect
        What FINN would do.
    reason
        Why; names the node.
    """

    node: str
    effect: FinnEffect
    reason: str

    def __str__(self) -> str:
        return f"FINN would {self.effect}: {self.reason}"


def finn_warnings(network: Network) -> tuple[FinnWarning, ...]:
    """What FINN would compute wrongly without saying so, or refuse, a warning for each place.

    FINN turns a product of BIPOLAR weights and inputs into one of bits, and the table that gives
    the inputs into one of 0 and 1. Then it takes the padding of a convolution, which is 0, for -1;
    lets a table behind the product begin at the least value of its type, whatever the table says;
    gives 0 and 1 to all that read the inputs, too; and turns the zeros of the matrix that it makes
    of a depthwise convolution into halves. BIPOLAR values that stay -1 and +1 must come from a
    matrix product or a dense convolution, and are not padded.

    Parameters
    ----------
    network
        The integer network that is exported.
    """
    return tuple(warning for node in network.nodes for warning in warnings_of(network, node))


def warnings_of(network: Network, node: Node[TensorType]) -> Iterator[FinnWarning]:
    """The warnings of one node."""
    match node:
        case MatMul() | Conv() | Depthwise():
            yield from of_product(network, node)
        case Threshold():
            yield from of_table(network, node)
        case Thermometer():
            yield from of_bits(network, node)
        case SumPool():
            yield from of_sum(network, node)
        case MaxPool() if any(node.window.padding) and pads_below_zero(network, node):
            yield refused(node, "pads a maximum with less than 0")
        case Pad() if network.types[node.inputs[0]].element == BIPOLAR:
            yield refused(node, "pads BIPOLAR values with 0")


def wrong(node: Node[TensorType], reason: str) -> FinnWarning:
    """That FINN computes ``node`` wrongly."""
    return FinnWarning(node.name, FinnEffect.WRONG, f"node {node.name!r} {reason}")


def refused(node: Node[TensorType], reason: str) -> FinnWarning:
    """That FINN refuses ``node``."""
    return FinnWarning(node.name, FinnEffect.REFUSED, f"node {node.name!r} {reason}")


def is_xnor(network: Network, node: Node[TensorType]) -> bool:
    """Whether ``node`` multiplies -1 and +1 by -1 and +1."""
    return (
        isinstance(node, Product)
        and node.weight_type == BIPOLAR
        and network.types[node.inputs[0]].element == BIPOLAR
    )


def origin_of(network: Network, node: Node[TensorType]) -> Node[TensorType]:
    """The node that made the values which ``node`` reads, before they were only moved."""
    source = network.node(node.inputs[0])
    while isinstance(source, MOVERS):
        source = network.node(source.inputs[0])
    return source


def users(network: Network, node: Node[TensorType]) -> Iterator[Node[TensorType]]:
    """The nodes that compute with what ``node`` gives, each as often as it reads it."""
    for reader in network.readers(node.name):
        if isinstance(reader, MOVERS):
            yield from users(network, reader)
        else:
            yield from (reader for edge in reader.inputs if edge == node.name)


def of_product(network: Network, node: Product) -> Iterator[FinnWarning]:
    """A product of BIPOLAR values, by BIPOLAR weights or others."""
    padded = not isinstance(node, MatMul) and any(node.window.padding)
    if not is_xnor(network, node):
        if padded and network.types[node.inputs[0]].element == BIPOLAR:
            yield refused(node, "pads BIPOLAR values with 0")
        return
    if isinstance(node, Depthwise):
        yield wrong(
            node, "is depthwise, and its XNOR form takes the zeros of its matrix for halves"
        )
    elif padded:
        yield wrong(node, "pads BIPOLAR values with 0, which its XNOR form takes for -1")
    if isinstance(network.node(node.inputs[0]), Input) and isinstance(node, MatMul):
        yield wrong(node, "multiplies pixels by XNOR, which FINN then takes for 0 and 1")
    elif isinstance(origin_of(network, node), Input):
        yield refused(node, "multiplies pixels by XNOR, and FINN wants a table before it")


def of_table(network: Network, node: Threshold) -> Iterator[FinnWarning]:
    """A table: where it begins, and who reads its bits."""
    table, maker = node.table, network.node(node.inputs[0])
    if table.output_type == BIPOLAR:
        yield from of_bits(network, node)
    elif is_xnor(network, maker) and table.base != table.output_type.min:
        yield wrong(
            node,
            f"gives {table.output_type} from {table.base}, and behind an XNOR product FINN counts "
            f"from {table.output_type.min} (its ActVal)",
        )
    elif table.output_type.signed and table.base >= 0:
        yield refused(node, f"gives {table.output_type}, which has a sign, from {table.base}")


def of_bits(network: Network, node: Threshold | Thermometer) -> Iterator[FinnWarning]:
    """A table of BIPOLAR values."""
    readers = list(users(network, node))
    counted = [reader for reader in readers if is_xnor(network, reader)]
    if counted and len(readers) > 1:
        names = ", ".join(repr(reader.name) for reader in readers)
        yield wrong(
            node, f"is read by {names}: the XNOR form of {counted[0].name!r} makes it 0 and 1"
        )
    if not counted and not is_absorbed(network, node):
        yield refused(
            node,
            "gives BIPOLAR values that no XNOR product reads, and is behind no matrix product or "
            "dense convolution (FINN: out_scale must be 1)",
        )


def is_absorbed(network: Network, node: Threshold | Thermometer) -> bool:
    """Whether FINN makes ``node`` part of an MVAU: of a product before it, or in the file's form.

    Where it counts down, weights of one bit and a sign take the sign.
    """
    if isinstance(node, Thermometer):
        return True
    maker = network.node(node.inputs[0])
    if not isinstance(maker, MatMul | Conv) or len(network.readers(maker.name)) > 1:
        return False
    return maker.weight_type in (BIPOLAR, TERNARY) or not node.table.descending.any()


def of_sum(network: Network, node: SumPool) -> Iterator[FinnWarning]:
    """A sum of windows, which is a mean in the file."""
    whole = node.window.kernel == network.types[node.inputs[0]].shape[:2]
    if whole and node.window.taps & (node.window.taps - 1) == 0:
        return
    if max(node.window.dilation) == 1:
        yield refused(node, "is a sum of windows, of which FINN knows no mean that is exact")


def pads_below_zero(network: Network, node: MaxPool) -> bool:
    """Whether the least value of what ``node`` reads is below 0 for FINN too: no bits."""
    if network.types[node.inputs[0]].element.min == 0:
        return False
    return not any(is_xnor(network, reader) for reader in users(network, node))
