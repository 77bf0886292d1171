# SPDX-License-Identifier: Apache-2.0
"""LUTs, flip-flops, block RAMs and DSP blocks of every layer kind on every FPGA family.

What a layer is built of is counted by formula: registers and memories almost exactly, logic by
kind. How many LUTs a family takes for each kind of logic was fitted to layers that Yosys
synthesised (:mod:`xnorflow.hw.estimate.resources.coefficients`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from xnorflow.hw.estimate.resources import movers, units, unrolled
from xnorflow.hw.estimate.resources.coefficients import DEVICES, LUTS
from xnorflow.hw.estimate.resources.structure import Logic, Structure
from xnorflow.hw.families import Device
from xnorflow.ir import (
    MVAU,
    VVAU,
    AddUnit,
    ConcatUnit,
    Dataflow,
    Fifo,
    Fork,
    GlobalPoolUnit,
    LabelSelect,
    Layer,
    PadUnit,
    PoolUnit,
    SlidingWindow,
    SparseMVAU,
    StreamInput,
    StreamType,
    ThermometerUnit,
    Thresholding,
    UnrolledMVAU,
    UpsampleUnit,
    WidthConverter,
)

__all__ = [
    "RESOURCES",
    "Resources",
    "design_resources",
    "layer_resources",
    "layer_structure",
    "rough_resources",
]


@dataclass(frozen=True, slots=True)
class Resources:
    """What something takes of an FPGA, before place and route; an estimate.

    Parameters
    ----------
    luts
        LUTs, with those that are carry cells or memory, as ``xnorflow synth`` counts them.
    flip_flops
        Flip-flops.
    block_rams
        Block RAMs; of xc7 in halves of 18 Kbit.
    dsps
        DSP blocks.
    sprams
        SPRAMs of iCE40 UltraPlus.

    Examples
    --------
    >>> Resources(luts=10.0) + Resources(luts=2.5, flip_flops=4.0)
    Resources(luts=12.5, flip_flops=4.0, block_rams=0.0, dsps=0.0, sprams=0.0)
    """

    luts: float = 0.0
    flip_flops: float = 0.0
    block_rams: float = 0.0
    dsps: float = 0.0
    sprams: float = 0.0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.luts + other.luts,
            self.flip_flops + other.flip_flops,
            self.block_rams + other.block_rams,
            self.dsps + other.dsps,
            self.sprams + other.sprams,
        )


RESOURCES: Mapping[type[Layer], Callable[..., None]] = MappingProxyType(
    {
        StreamInput: movers.stream_input_structure,
        MVAU: units.mvau_structure,
        SparseMVAU: units.sparse_mvau_structure,
        UnrolledMVAU: unrolled.unrolled_mvau_structure,
        VVAU: units.vvau_structure,
        PoolUnit: units.pool_structure,
        GlobalPoolUnit: units.global_pool_structure,
        ThermometerUnit: units.thermometer_structure,
        Fork: movers.fork_structure,
        AddUnit: units.add_structure,
        ConcatUnit: movers.concat_structure,
        Thresholding: units.thresholding_structure,
        PadUnit: movers.pad_structure,
        SlidingWindow: movers.sliding_window_structure,
        UpsampleUnit: movers.upsample_structure,
        WidthConverter: movers.width_converter_structure,
        Fifo: movers.fifo_structure,
        LabelSelect: units.label_select_structure,
    }
)
"""How each layer kind is built: a function that adds its parts to a
:class:`~xnorflow.hw.estimate.resources.structure.Structure`, of the node and of the type of each
input stream."""


LUT_COEFFICIENTS: Mapping[Device, Mapping[Logic, float]] = MappingProxyType(
    {
        Device(device): {kind: LUTS[kind][column] for kind in Logic if kind in LUTS}
        for column, device in enumerate(DEVICES)
    }
)
"""LUTs that a family takes for each kind of logic."""


def layer_structure(node: Layer, inputs: tuple[StreamType, ...], device: Device) -> Structure:
    """What ``node`` consists of on ``device``, for input streams of the given types."""
    build = Structure(device)
    RESOURCES[type(node)](build, node, *inputs)
    return build


def layer_resources(node: Layer, inputs: tuple[StreamType, ...], device: Device) -> Resources:
    """What ``node`` takes on ``device``, for input streams of the given types."""
    return resources_of(layer_structure(node, inputs, device))


def rough_resources(node: UnrolledMVAU, source: StreamType, device: Device) -> Resources:
    """About what :func:`layer_resources` gives, at once: an unrolled layer takes time to count."""
    build = Structure(device)
    unrolled.add_rough_neurons(build, node, source)
    return resources_of(build)


def resources_of(build: Structure) -> Resources:
    """Counts for all parts of ``build``."""
    each = LUT_COEFFICIENTS[build.device]
    luts = sum(each[kind] * count for kind, count in build.logic.items())
    luts += build.ram_luts + build.cell_luts
    return Resources(luts, build.flip_flops, build.block_rams, build.dsps, build.sprams)


def design_resources(dataflow: Dataflow, device: Device) -> Resources:
    """What the accelerator for ``dataflow`` takes on ``device``.

    The sum of its layers, and the counter at the output that tells the last beat of a frame.
    """
    top = Structure(device)
    top.add_counter(dataflow.types[dataflow.output.name].beats_per_frame)
    total = resources_of(top)
    for node in dataflow.nodes:
        layer = cast(Layer, node)
        total += layer_resources(layer, dataflow.input_types(layer), device)
    return total
