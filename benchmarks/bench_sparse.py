# SPDX-License-Identifier: Apache-2.0
"""What pruned tiles save: cycles, memory and logic of one layer, with and without skipping them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.layer_samples import LayerSample, pruned_mvau
from benchmarks.layer_synthesis import synthesise_layer
from benchmarks.timing import Row
from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.estimate.memory import layer_memory
from xnorflow.ir import MVAU, Folding, SparseMVAU

__all__ = ["measure"]

TITLE = "A layer of 256 x 256 bits, PE 8, SIMD 16, with and without skipping tiles of zeros"
ON_REQUEST = True
SHAPE = (256, 256)
FOLDING = Folding(8, 16)
SPARSITIES = (0, 50, 80, 90)
"""Percentages of the tiles that are 0."""


def figures(layer: MVAU, sample: LayerSample) -> Iterator[tuple[str, float]]:
    """What a layer takes, with its unit; the weights with the table of tiles."""
    yield "cycles", layer_timing(layer, sample.inputs).ii_vector
    yield "bits of weights", layer_memory(layer, sample.inputs).weight_bits
    for device, counted in synthesise_layer(sample).items():
        yield f"{device} LUT", counted.luts
        yield f"{device} BRAM", counted.block_rams


def measure(seed: int = 0) -> list[Row]:
    """Rows of each layer; the ratio says how many times as much the MVAU takes."""
    rows = []
    tiles = SHAPE[0] * SHAPE[1] // (FOLDING.pe * FOLDING.simd)
    for sparsity in SPARSITIES:
        kept = round(tiles * (100 - sparsity) / 100)
        dense, source = pruned_mvau(np.random.default_rng(seed), SHAPE, FOLDING, kept)
        before = dict(figures(dense, LayerSample(dense, (source,))))
        subject = f"{sparsity} %"
        rows += [Row(subject, dense.mnemonic, value, unit) for unit, value in before.items()]
        if kept == tiles:
            continue
        sparse = SparseMVAU.of(dense)
        for unit, value in figures(sparse, LayerSample(sparse, (source,))):
            ratio = before[unit] / value if value else None
            rows.append(Row(subject, sparse.mnemonic, value, unit, ratio))
    return rows
