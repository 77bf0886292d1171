# SPDX-License-Identifier: Apache-2.0
"""The clock that a design is expected to reach, by a table of delays and a sum for each stage.

A stage is what lies between two registers. Its delay is that of the cells on its longest way, and
of a wire into each of them. Cells have the delays that nextpnr reports; wires have none of their
own, so one number stands for all of a family: with it the sums come close to the critical paths of
layers that were placed and routed (``docs/design/0016-cells-of-families.md`` has them). What
placement makes of a full device, or of a wider one, no sum can tell: take it as a start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from xnorflow.errors import ConfigError
from xnorflow.hw.estimate.resources import layer_resources
from xnorflow.hw.families import Device
from xnorflow.hw.layers.product_unit import counts_matches, sum_shape
from xnorflow.hw.layers.search_table import search_stages
from xnorflow.hw.layers.unrolled_mvau import unrolled_plan
from xnorflow.hw.layers.weight_memory import (
    has_output_register,
    stored_type,
    weight_word_bits,
    weight_word_count,
)
from xnorflow.hw.memory_mapping import MemoryKind, MemoryShape, map_memory
from xnorflow.hw.popcount import LEVELS_PER_STAGE, range_shape
from xnorflow.hw.popcount.adder_tree import tree_leaves, tree_levels
from xnorflow.hw.popcount.match_count import counted
from xnorflow.hw.popcount.match_plan import OPERANDS
from xnorflow.hw.popcount.products import product_range
from xnorflow.hw.primitives import absorbs
from xnorflow.hw.primitives.carry_chain import MAX_POSITIONS
from xnorflow.hw.unrolled.bit_graph import GateKind
from xnorflow.hw.unrolled.gates import ADDER_ROWS
from xnorflow.ir import (
    MVAU,
    VVAU,
    AddUnit,
    Dataflow,
    GlobalPoolUnit,
    LabelSelect,
    Layer,
    PoolUnit,
    SparseMVAU,
    StreamType,
    Thresholding,
    ThresholdTable,
    UnrolledMVAU,
)

__all__ = ["DELAYS", "Clock", "Delays", "design_clock", "layer_clock_mhz"]

Streams = tuple[StreamType, ...]


@dataclass(frozen=True, slots=True)
class Delays:
    """Delays of a family's cells, in nanoseconds.

    Parameters
    ----------
    register
        From the clock edge to the output of a flip-flop, and its setup.
    block_ram, block_ram_register
        From the clock edge to the output of a block RAM, and of its output register.
    lut
        Through a LUT.
    chain, chain_bit
        Into a carry chain and out of it; through one of its bits.
    wire
        A wire, with the haste of a critical path.
    control
        From the count of beats to the enables of everything: a stage of its own in every layer.
    """

    register: float
    block_ram: float
    block_ram_register: float
    lut: float
    chain: float
    chain_bit: float
    wire: float
    control: float

    def through_chain(self, bits: int) -> float:
        """Of a wire and the chain behind it."""
        return self.wire + self.chain + self.chain_bit * bits

    @property
    def through_lut(self) -> float:
        """Of a wire and the LUT behind it."""
        return self.wire + self.lut


DELAYS: Mapping[Device, Delays] = MappingProxyType(
    {
        Device.ICE40: Delays(0.54, 2.15, 2.15, 0.4, 0.9, 0.13, 1.5, 6.8),
        Device.ECP5: Delays(0.52, 5.83, 0.96, 0.24, 0.9, 0.035, 1.4, 6.0),
        Device.GOWIN: Delays(0.86, 3.86, 3.86, 1.1, 1.2, 0.057, 1.3, 8.7),
    }
)
"""iCE40 HX, ECP5 of speed grade 6, GW1N of C6/I5: what layers were placed and routed on."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What bounds the clock of a design.

    Parameters
    ----------
    expected_mhz
        The clock.
    layer
        Name of the first layer that goes no faster.
    """

    expected_mhz: float
    layer: str


def design_clock(dataflow: Dataflow, device: Device) -> Clock:
    """The clock expected of the accelerator for ``dataflow``.

    Raises
    ------
    ConfigError
        If delays of the family are not known.
    """
    layers = [cast(Layer, node) for node in dataflow.nodes]
    clocks = {
        layer.name: layer_clock_mhz(layer, dataflow.input_types(layer), device) for layer in layers
    }
    slowest = min(clocks, key=clocks.__getitem__)
    return Clock(clocks[slowest], slowest)


def layer_clock_mhz(node: Layer, inputs: Streams, device: Device) -> float:
    """The clock expected of ``node`` alone, for input streams of the given types.

    Raises
    ------
    ConfigError
        As :func:`design_clock`.
    """
    if device not in DELAYS:
        raise ConfigError(
            f"no clock can be expected on {device}: its delays were not measured, only those of "
            f"{', '.join(DELAYS)}"
        )
    delays = DELAYS[device]
    stages = STAGES.get(type(node), mover_stages)
    return 1e3 / max(delays.control, *stages(node, inputs, device))


def product_stages(node: MVAU | VVAU, inputs: Streams, device: Device) -> Iterator[float]:
    """Delays of a layer with weights, stage by stage."""
    (source,), delays = inputs, DELAYS[device]
    fetched, first = fetched_at(node, source, device), delays.register
    if not node.pipelining.operands:
        first = fetched
    elif has_output_register(node) and node.device is device:
        first = delays.block_ram_register
        yield delays.register + delays.wire
    else:
        yield fetched + delays.wire
    levels, bits = tree_of(node, source)
    each, width = node.pipelining.levels, sum_shape(node, source).width
    adder = delays.through_chain(bits)
    yield first + first_level(node, adder, device)
    if levels >= each:
        yield delays.register + each * adder
    yield delays.register + levels % each * adder + delays.through_chain(width)
    if node.table is not None:
        yield from search_stages_of(node.table, node.nf, node.folding.pe, width, device)


def first_level(node: MVAU | VVAU, adder: float, device: Device) -> float:
    """Delay of what takes in the weights, before the first register.

    Carry chains cannot all stand beside the memory: the wire to them is twice as long.
    """
    delays = DELAYS[device]
    if node.device is None:
        return delays.through_lut
    gate = 0.0 if absorbs(device) >= set(OPERANDS) else delays.lut
    return gate + delays.wire + adder


def fetched_at(node: MVAU | VVAU, source: StreamType, device: Device) -> float:
    """When weights and inputs are there, after the edge that fetches them."""
    bits = weight_word_bits(node)
    memories = [MemoryShape(weight_word_count(node), bits, style=node.folding.ram_style)]
    if isinstance(node, MVAU) and node.nf > 1:
        memories.append(MemoryShape(2 * node.sf, source.width_bits, written=True))
    read = [memory for memory in memories if memory.words > 1]
    return max((read_at(memory, device) for memory in read), default=DELAYS[device].register)


def read_at(memory: MemoryShape, device: Device) -> float:
    """When the word of a memory is there; what is no RAM of its own has a register behind it."""
    block = map_memory(memory, device).kind in (MemoryKind.BLOCK, MemoryKind.SPRAM)
    return DELAYS[device].block_ram if block else DELAYS[device].register


def tree_of(node: MVAU | VVAU, source: StreamType) -> tuple[int, int]:
    """Levels of adders behind the first register, and positions of the longest carry chain."""
    lanes = node.folding.simd
    if node.device is not None:
        lanes = counted(node.device, lanes)
        # iCE40 starts a chain anew for each adder; of the others the tools see chains as a whole.
        whole = node.device is not Device.ICE40
        positions = min(MAX_POSITIONS, lanes) if whole else lanes.bit_length()
        return max(0, (lanes // 2).bit_length() - 1), positions
    if counts_matches(node, source):
        terms = lanes // 2 + 1
        return tree_levels(tree_leaves(terms, lanes - terms)[0]), lanes.bit_length() + 1
    low, high = product_range(stored_type(node), source.element)
    return tree_levels(lanes), range_shape(lanes * low, lanes * high).width + 1


def search_stages_of(
    table: ThresholdTable, folds: int, lanes: int, width_bits: int, device: Device
) -> Iterator[float]:
    """Delays of a threshold search: a comparison, and the output buffer behind the last one."""
    delays = DELAYS[device]
    folds = folds if table.rows > 1 else 1
    for stage in range(search_stages(table.levels)):
        copies = lanes if stage == 0 else 1
        memory = MemoryShape(folds << stage, copies * width_bits)
        read = read_at(memory, device) if memory.words > 1 else delays.register
        yield read + delays.through_chain(width_bits) + delays.through_lut


def unrolled_stages(node: UnrolledMVAU, inputs: Streams, device: Device) -> Iterator[float]:
    """Delays of a stage of gates: as many levels as it may have, each the slowest there is."""
    delays, schedule = DELAYS[device], unrolled_plan(node, inputs[0]).schedule
    adders = [
        gate.outputs - 1
        for gates in schedule.levels
        for gate in gates
        if gate.kind is GateKind.ADDER
    ]
    whole = device in ADDER_ROWS and node.device is device
    positions = MAX_POSITIONS if whole else max(adders, default=0) + 1
    level = delays.through_chain(positions) if adders else delays.through_lut
    yield delays.register + node.pipelining.levels * level + delays.through_lut


def thresholding_stages(node: Thresholding, inputs: Streams, device: Device) -> Iterator[float]:
    """Delays of a thresholding unit."""
    (source,) = inputs
    folds, width = node.channels // source.lanes, source.element.width_bits
    return search_stages_of(node.table, folds, source.lanes, width, device)


def label_select_stages(_node: LabelSelect, inputs: Streams, device: Device) -> Iterator[float]:
    """Delays of a match of the tournament: a comparison that chooses."""
    (source,), delays = inputs, DELAYS[device]
    chosen = delays.through_chain(source.element.width_bits) + delays.through_lut
    yield delays.register + chosen


def add_stages(node: AddUnit, inputs: Streams, device: Device) -> Iterator[float]:
    """Delays of an adder and the output buffer."""
    delays = DELAYS[device]
    width = node.infer(inputs).element.width_bits
    yield delays.register + delays.through_chain(width) + delays.through_lut


def pool_stages(
    node: PoolUnit | GlobalPoolUnit, inputs: Streams, device: Device
) -> Iterator[float]:
    """Delays of the adders, or comparisons that choose, between two registers."""
    delays = DELAYS[device]
    width = node.infer(inputs).element.width_bits
    yield delays.register + LEVELS_PER_STAGE * delays.through_chain(width)
    yield from mover_stages(node, inputs, device)


def mover_stages(node: Layer, inputs: Streams, device: Device) -> Iterator[float]:
    """Delays of a layer that mostly moves elements: out of its memory through the output buffer."""
    delays = DELAYS[device]
    yield delays.register + 2 * delays.through_lut
    if layer_resources(node, inputs, device).block_rams:
        yield delays.block_ram + delays.through_lut


STAGES: Mapping[type[Layer], Callable[..., Iterator[float]]] = MappingProxyType(
    {
        MVAU: product_stages,
        SparseMVAU: product_stages,
        VVAU: product_stages,
        UnrolledMVAU: unrolled_stages,
        Thresholding: thresholding_stages,
        LabelSelect: label_select_stages,
        AddUnit: add_stages,
        PoolUnit: pool_stages,
        GlobalPoolUnit: pool_stages,
    }
)
"""Stages of the layers that compute; all others move elements."""
