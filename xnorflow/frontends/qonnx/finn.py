# SPDX-License-Identifier: Apache-2.0
"""Where FINN is known to compute something else than what an exported file says."""

from __future__ import annotations

from collections.abc import Iterator

from xnorflow.ir import BIPOLAR, Conv, Depthwise, MatMul, Network, Threshold

__all__ = ["finn_warnings"]

Product = MatMul | Conv | Depthwise


def finn_warnings(network: Network) -> tuple[str, ...]:
    """What FINN would compute wrongly without saying so, a sentence for each place.

    FINN turns a product of BIPOLAR weights and inputs into one of bits. Then it takes the padding
    of a convolution, which is 0, for -1; and it lets a table behind the product begin at the least
    value of its type, whatever the table says. Other forms that FINN refuses are not listed: it
    names them itself.

    Parameters
    ----------
    network
        The integer network that is exported.

    Returns
    -------
    tuple
        Sentences that begin with ``FINN would compute this wrongly:`` and name the node.
    """
    return tuple(
        f"FINN would compute this wrongly: {reason}"
        for node in network.nodes
        if isinstance(node, Product) and is_bipolar(network, node)
        for reason in wrong(network, node)
    )


def is_bipolar(network: Network, node: Product) -> bool:
    """Whether ``node`` multiplies -1 and +1 by -1 and +1."""
    return node.weight_type == BIPOLAR and network.types[node.inputs[0]].element == BIPOLAR


def wrong(network: Network, node: Product) -> Iterator[str]:
    """What FINN gets wrong of a product of -1 and +1, and of the tables that read it."""
    if not isinstance(node, MatMul) and any(node.window.padding):
        yield f"node {node.name!r} pads BIPOLAR values with 0, which its XNOR form takes for -1"
    for reader in network.readers(node.name):
        if isinstance(reader, Threshold):
            yield from wrong_base(reader)


def wrong_base(node: Threshold) -> Iterator[str]:
    """That a table begins elsewhere than its type (FINN's ``ActVal``)."""
    table = node.table
    if table.output_type != BIPOLAR and table.base != table.output_type.min:
        yield (
            f"node {node.name!r} gives {table.output_type} from {table.base}, and behind an XNOR "
            f"product FINN counts from {table.output_type.min} (its ActVal)"
        )
