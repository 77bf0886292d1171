# SPDX-License-Identifier: Apache-2.0
"""``xnorflow size``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints, text_table

if TYPE_CHECKING:
    from xnorflow.quant.compressed_size import NetworkSize

__all__ = ["command"]

HEADS = ("layer", "weights", "not 0", "weight bits", "index bits", "Huffman-coded")


def summary(size: NetworkSize) -> str:
    """A line for each layer, and the whole against 32-bit weights."""
    rows = [
        (
            layer.layer,
            layer.weights,
            layer.nonzero_weights,
            layer.weight_bits,
            layer.index_bits,
            layer.coded_bits,
        )
        for layer in size.layers
    ]
    ratios = [size.float_bits / bits for bits in (size.total_bits, size.coded_bits)]
    return "\n".join(
        [
            *text_table(HEADS, rows),
            "",
            f"{size.total_bits:,} bits with {size.threshold_bits:,} of thresholds: "
            f"1/{ratios[0]:.1f} of 32-bit weights",
            f"{size.coded_bits:,} bits in Huffman's code: 1/{ratios[1]:.1f}",
        ]
    )


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@prints(summary)
def command(run: Path) -> NetworkSize:
    """Show how many bits a network takes: weights, indices of those not pruned, thresholds.

    Each layer is kept in the smallest form there is, and once more with weights and indices in
    Huffman's code, as Deep Compression counts. This is the size of a file; `xnorflow estimate`
    tells what the hardware stores.
    """
    from xnorflow.quant.compressed_size import network_size
    from xnorflow.rundir import load_network

    return network_size(load_network(run))
