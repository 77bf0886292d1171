# SPDX-License-Identifier: Apache-2.0
"""What FINN is known to refuse of an exported file, or to compute as something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from xnorflow.ir import BIPOLAR, Conv, Depthwise, MatMul, Network, Threshold

__all__ = ["FinnEffect", "FinnWarning", "finn_warnings"]

Product = MatMul | Conv | Depthwise


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

    FINN turns a product of BIPOLAR weights and inputs into one of bits. Then it takes the padding
    of a convolution, which is 0, for -1; and it lets a table behind the product begin at the least
    value of its type, whatever the table says.

    Parameters
    ----------
    network
        The integer network that is exported.
    """
    return tuple(
        warning
        for node in network.nodes
        if isinstance(node, Product) and is_bipolar(network, node)
        for warning in wrong(network, node)
    )


def is_bipolar(network: Network, node: Product) -> bool:
    """Whether ``node`` multiplies -1 and +1 by -1 and +1."""
    return node.weight_type == BIPOLAR and network.types[node.inputs[0]].element == BIPOLAR


def wrong(network: Network, node: Product) -> Iterator[FinnWarning]:
    """What FINN gets wrong of a product of -1 and +1, and of the tables that read it."""
    if not isinstance(node, MatMul) and any(node.window.padding):
        yield FinnWarning(
            node.name,
            FinnEffect.WRONG,
            f"node {node.name!r} pads BIPOLAR values with 0, which its XNOR form takes for -1",
        )
    for reader in network.readers(node.name):
        if isinstance(reader, Threshold):
            yield from wrong_base(reader)


def wrong_base(node: Threshold) -> Iterator[FinnWarning]:
    """That a table begins elsewhere than its type (FINN's ``ActVal``)."""
    table = node.table
    if table.output_type != BIPOLAR and table.base != table.output_type.min:
        yield FinnWarning(
            node.name,
            FinnEffect.WRONG,
            f"node {node.name!r} gives {table.output_type} from {table.base}, and behind an XNOR "
            f"product FINN counts from {table.output_type.min} (its ActVal)",
        )
