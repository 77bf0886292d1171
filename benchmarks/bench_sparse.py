# SPDX-License-Identifier: Apache-2.0
"""What pruning saves: of tiles in a folded layer, and of single weights in an unrolled one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.area.netlist import synthesise_sources
from benchmarks.layer_samples import LayerSample, pruned_mvau
from benchmarks.layer_synthesis import synthesise_layer
from benchmarks.timing import Row, figure
from xnorflow.hw.emit import WeightStorage, component_verilog
from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.estimate.memory import layer_memory
from xnorflow.hw.families import Device
from xnorflow.hw.layers import make_component
from xnorflow.hw.passes.unroll import unrolled
from xnorflow.hw.top import TOP_NAME
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    Folding,
    SparseMVAU,
    StreamType,
    ThresholdTable,
    UnrolledMVAU,
)

__all__ = ["measure", "show"]

TITLE = "Sparsity: what is left of a layer whose weights are pruned"
TABLE_WIDTH = 120
FOLDED_TITLE = "Tiles of a folded layer: 256 neurons of 256 inputs, PE 8, SIMD 16"
UNROLLED_TITLE = "Single weights of an unrolled layer: 32 neurons of 128 inputs"
ON_REQUEST = True
SHAPE = (256, 256)
FOLDING = Folding(8, 16)
SPARSITIES = (0, 50, 80, 90)
"""Percentages of the tiles, or weights, that are 0."""
UNROLLED_SHAPE = (32, 128)
"""Neurons and inputs of the unrolled layer."""


def figures(layer: MVAU, sample: LayerSample) -> Iterator[tuple[str, float]]:
    """What a layer takes, with its unit; the weights with the table of tiles."""
    yield "cycles", layer_timing(layer, sample.inputs).ii_vector
    yield "weight bits", layer_memory(layer, sample.inputs).weight_bits
    for device, counted in synthesise_layer(sample).items():
        yield f"{device} LUT", counted.luts
        yield f"{device} BRAM", counted.block_rams


def measure(seed: int = 0) -> list[Row]:
    """Rows of each layer; the ratio says how many times as much the dense one takes."""
    return folded_rows(seed) + unrolled_rows(seed)


def show(rows: Sequence[Row]) -> None:
    """A table of the folded layers and one of the unrolled ones, a line for each layer."""
    kinds = {
        FOLDED_TITLE: [row for row in rows if row.contender != UnrolledMVAU.mnemonic],
        UNROLLED_TITLE: [row for row in rows if row.contender == UnrolledMVAU.mnemonic],
    }
    for title, chosen in kinds.items():
        table = Table("zeros", title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)
        table.add_column("layer", no_wrap=True)
        for unit in dict.fromkeys(row.unit for row in chosen):
            table.add_column(unit, justify="right", min_width=7)
        for (subject, layer), line in groupby(chosen, lambda row: (row.subject, row.contender)):
            table.add_row(subject, layer, *(figure(row.value) for row in line))
        Console(width=TABLE_WIDTH).print(table)


def folded_rows(seed: int) -> list[Row]:
    """An MVAU, and the same weights without visits to their tiles of zeros."""
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


def unrolled_rows(seed: int) -> list[Row]:
    """Unrolled layers of neurons with so many inputs each, against the dense one."""
    rows: list[Row] = []
    dense: dict[str, float] = {}
    mh, mw = UNROLLED_SHAPE
    for sparsity in SPARSITIES:
        layer, source = pruned_fan_in(np.random.default_rng(seed), mh, mw, sparsity)
        found = dict(unrolled_figures(layer, source))
        dense = dense or found
        subject = f"{sparsity} %"
        for unit, value in found.items():
            ratio = dense[unit] / value if sparsity and value else None
            rows.append(Row(subject, UnrolledMVAU.mnemonic, value, unit, ratio))
    return rows


def pruned_fan_in(
    rng: np.random.Generator, mh: int, mw: int, sparsity: int
) -> tuple[MVAU, StreamType]:
    """A layer of bits, each neuron with so many percent of its weights 0."""
    kept = round(mw * (100 - sparsity) / 100)
    mask = rng.permuted(np.tile(np.arange(mw) < kept, (mh, 1)), axis=1)
    weights = (rng.choice([-1, 1], (mh, mw)) * mask).astype(np.int8)
    thresholds = rng.integers(-8, 9, (mh, 1))
    layer = MVAU(
        name="fc",
        inputs=("x",),
        edge="fc",
        weights=weights,
        weight_type=BIPOLAR if mask.all() else TERNARY,
        table=ThresholdTable(thresholds, np.zeros(mh, bool), -1, BIPOLAR),
        folding=Folding(mh, mw),
    )
    return layer, StreamType(BIPOLAR, mw, mw, 1)


def unrolled_figures(layer: MVAU, source: StreamType) -> Iterator[tuple[str, float]]:
    """What an unrolled layer takes on each family, with its unit."""
    for device in Device:
        node = unrolled(layer, (source,), device)
        yield f"{device} cycles", layer_timing(node, (source,)).latency_first
        component = make_component(node, (source,))
        sources = component_verilog(component, TOP_NAME, WeightStorage.FILES)
        counted = synthesise_sources(sources, device).utilisation
        yield f"{device} LUT", counted.luts
        yield f"{device} FF", counted.flip_flops
