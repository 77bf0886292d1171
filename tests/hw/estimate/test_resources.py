# SPDX-License-Identifier: Apache-2.0
"""Estimates of LUTs, flip-flops and block RAMs, against synthesis."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from amaranth.lib.wiring import Component
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from xnorflow.bitstreams.synthesis import Utilisation, cell_counts, utilisation
from xnorflow.hw.emit import VERILOG_FILE
from xnorflow.hw.emit.verilog import WeightStorage, component_verilog
from xnorflow.hw.estimate.resources import (
    RESOURCES,
    Resources,
    design_resources,
    layer_resources,
    rough_resources,
)
from xnorflow.hw.estimate.resources.cells import match_parts
from xnorflow.hw.estimate.resources.coefficients import DEVICES, LUTS, SOURCE
from xnorflow.hw.estimate.resources.contents import sum_range
from xnorflow.hw.estimate.resources.structure import Logic, distinct
from xnorflow.hw.families import Device
from xnorflow.hw.layers import make_component
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.hw.passes.unroll import unrolled
from xnorflow.hw.popcount import MatchCount
from xnorflow.hw.primitives.native import CHAIN_DEVICES
from xnorflow.hw.top import TOP_NAME
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    AddUnit,
    Dataflow,
    Fifo,
    Folding,
    GlobalPoolUnit,
    Layer,
    Pipelining,
    PoolKind,
    PoolUnit,
    RamStyle,
    SlidingWindow,
    SparseMVAU,
    StreamInput,
    StreamType,
    ThermometerUnit,
    Thresholding,
    ThresholdTable,
    UnrolledMVAU,
    UpsampleUnit,
    WidthConverter,
    Window,
    accumulator_range,
    int_type,
    uint_type,
)
from xnorflow.toolchain import require_tool

Case = tuple[Layer, tuple[StreamType, ...]]
BLOCK, SPRAM = RamStyle.BLOCK, RamStyle.SPRAM
FLOOR = 20
"""Errors of fewer LUTs or flip-flops are relative to so many."""


def header(*inputs: str) -> dict[str, object]:
    return {"name": "layer", "inputs": inputs or ("source",), "edge": "layer"}


def mvau(
    folding: Folding, shape: tuple[int, int] = (32, 64), weight=BIPOLAR, element=BIPOLAR, levels=1
) -> Case:
    """A layer with random weights and thresholds."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, weight.levels, shape)
    values = np.sort(rng.integers(-20, 20, (shape[0], levels)), axis=1)
    output = BIPOLAR if levels == 1 else uint_type(levels.bit_length())
    table = ThresholdTable(values, np.zeros(shape[0], bool), output.min, output)
    node = MVAU(
        **header(),
        weights=weight.min + weight.step * codes,
        weight_type=weight,
        table=table,
        folding=folding,
    )
    return node, (StreamType(element, shape[1], folding.simd, 16),)


def with_registers(case: Case, pipelining: Pipelining) -> Case:
    """A layer with other registers."""
    node, sources = case
    return replace(node, pipelining=pipelining), sources


def sparse_mvau(folding: Folding, shape: tuple[int, int], element=BIPOLAR, raw=False) -> Case:
    """A layer of bits, one in three of whose tiles are kept."""
    rng = np.random.default_rng(0)
    (node, sources) = mvau(folding, shape, element=element)
    assert isinstance(node, MVAU)
    kept = rng.random((node.nf, node.sf)) < 1 / 3
    weights = node.weights * np.kron(kept, np.ones((folding.pe, folding.simd), np.int8))
    table = None if raw else node.table
    return SparseMVAU.of(replace(node, weights=weights, weight_type=TERNARY, table=table)), sources


def thresholding() -> Case:
    values = np.sort(np.random.default_rng(1).integers(-100, 100, (16, 3)), axis=1)
    table = ThresholdTable(values, np.arange(16) % 2 > 0, 0, uint_type(2))
    node = Thresholding(**header(), table=table, channels=16, folding=Folding(4))
    return node, (StreamType(int_type(9), 16, 4, 16),)


def sliding_window(taps_per_beat: int) -> Case:
    node = SlidingWindow(
        **header(),
        shape=(12, 12, 8),
        window=Window((3, 3)),
        taps_per_beat=taps_per_beat,
        depth_pixels=36,
    )
    return node, (StreamType(uint_type(2), 8, 4, 144),)


CASES: dict[str, Case] = {
    "mvau": mvau(Folding(4, 8)),
    "mvau with several levels": mvau(Folding(2, 16), element=uint_type(2), levels=3),
    "mvau in parallel": mvau(Folding(8, 24), (8, 24)),
    "mvau with registers": with_registers(mvau(Folding(4, 16)), Pipelining(True, 1)),
    "mvau of two bits with registers": with_registers(
        mvau(Folding(2, 16), element=uint_type(2), levels=3), Pipelining(True, 1)
    ),
    "sparse mvau": sparse_mvau(Folding(4, 16), (64, 256)),
    "sparse mvau of sums": sparse_mvau(Folding(2, 8), (32, 128), raw=True),
    "sparse mvau of two bits": sparse_mvau(Folding(4, 8), (32, 96), element=uint_type(2)),
    "thresholding": thresholding(),
    "maximum of pixels": (
        PoolUnit(**header(), kind=PoolKind.MAX, channels=16, taps=4, folding=Folding(2, 4)),
        (StreamType(uint_type(4), 64, 8, 16),),
    ),
    "thermometer": (
        ThermometerUnit(**header(), levels=np.array([3, 6, 10, 11])),
        (StreamType(uint_type(4), 4, 4, 16),),
    ),
    "window reader": sliding_window(1),
    "window chain": sliding_window(9),
    "short FIFO": (Fifo(**header(), depth_beats=2), (StreamType(uint_type(4), 8, 8, 16),)),
    "FIFO": (Fifo(**header(), depth_beats=100), (StreamType(uint_type(4), 8, 4, 64),)),
    "width converter": (WidthConverter(**header(), lanes=4), (StreamType(BIPOLAR, 64, 32, 4),)),
    "upsampling": (
        UpsampleUnit(**header(), shape=(8, 8, 8), factor=(2, 2)),
        (StreamType(TERNARY, 8, 4, 64),),
    ),
    "global pool": (
        GlobalPoolUnit(**header(), kind=PoolKind.SUM),
        (StreamType(uint_type(2), 16, 4, 64),),
    ),
}


def synthesised(case: Case, devices: Sequence[Device], folder: Path) -> dict[Device, Utilisation]:
    """What a layer takes."""
    return synthesised_component(make_component(*case), devices, folder)


def synthesised_component(
    component: Component, devices: Sequence[Device], folder: Path
) -> dict[Device, Utilisation]:
    """What a component takes."""
    sources = component_verilog(component, TOP_NAME, WeightStorage.FILES)
    (folder / VERILOG_FILE).write_text(sources.verilog)
    for name, text in sources.memories.items():
        (folder / name).write_text(text)
    yosys = require_tool("yosys", "test")
    return {d: utilisation(d, yosys, cell_counts(yosys, folder, d)) for d in devices}


def check(case: Case, device: Device, counted: Utilisation) -> None:
    """Compare the estimate of a layer with what was counted."""
    estimated = layer_resources(*case, device)
    assert estimated.block_rams == counted.block_rams
    assert estimated.dsps == counted.dsps
    assert abs(estimated.flip_flops - counted.flip_flops) <= 0.1 * max(FLOOR, counted.flip_flops)
    assert abs(estimated.luts - counted.luts) <= 0.3 * max(FLOOR, counted.luts)


@pytest.mark.parametrize("folding", [Folding(4, 4, SPRAM), Folding(4, 8, SPRAM)], ids=str)
def test_weights_in_spram(folding: Folding, tmp_path: Path) -> None:
    """One cell, and two side by side with a counter of parts."""
    case = mvau(folding, (64, 256), levels=3)
    counted = synthesised(case, [Device.ICE40], tmp_path)[Device.ICE40]
    check(case, Device.ICE40, counted)
    assert layer_resources(*case, Device.ICE40).sprams == counted.sprams == folding.simd / 4


@pytest.mark.parametrize("name", CASES)
def test_estimate_agrees_with_synthesis(name: str, tmp_path: Path) -> None:
    for device, counted in synthesised(CASES[name], [Device.GOWIN], tmp_path).items():
        check(CASES[name], device, counted)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_estimate_agrees_with_synthesis_for_all_families(name: str, tmp_path: Path) -> None:
    others = [device for device in Device if device is not Device.GOWIN]
    for device, counted in synthesised(CASES[name], others, tmp_path).items():
        check(CASES[name], device, counted)


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("device", [None, *Device])
def test_unrolled_layers(device: Device | None, levels: int, tmp_path: Path) -> None:
    """In cells, and in plain Verilog on a family for which it is not laid out."""
    node, sources = mvau(Folding(20, 45), (20, 45), levels=levels)
    layer = unrolled(node, sources, device)
    assert isinstance(layer, UnrolledMVAU)
    on = device or Device.ECP5
    counted = synthesised((layer, sources), [on], tmp_path)[on]
    check((layer, sources), on, counted)


@pytest.mark.parametrize("device", list(Device))
@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
@pytest.mark.parametrize("shape", [(64, 128), (20, 200)])
def test_rough_counts_of_unrolled_layers(
    device: Device, share: float, shape: tuple[int, int]
) -> None:
    node, sources = mvau(Folding(*shape), shape)
    assert isinstance(node, MVAU)
    mask = np.random.default_rng(1).random(shape) < share
    pruned = replace(node, weights=node.weights * mask, weight_type=TERNARY)
    layer = unrolled(pruned, sources, device)
    assert isinstance(layer, UnrolledMVAU)
    counted, rough = (
        layer_resources(layer, sources, device),
        rough_resources(layer, *sources, device),
    )
    assert rough.luts == pytest.approx(counted.luts, rel=0.25)
    assert rough.flip_flops == pytest.approx(counted.flip_flops, rel=0.6)


def check_match_count(device: Device, lanes: int, folder: Path) -> None:
    """Compare the parts of a popcount in cells with what was counted."""
    parts = match_parts(device, lanes)
    counted = synthesised_component(MatchCount(device, lanes), [device], folder)[device]
    # Of counters Yosys leaves out what sees constants.
    slack = max(3, lanes // 20) if device is Device.XC7 else 0
    # Gowin's adders subtract by a bit that waits complemented.
    inverters = counted.cells.get("LUT1", 0) if device is Device.GOWIN else 0
    assert 0 <= parts.luts - (counted.luts - inverters) <= slack
    assert 0 <= parts.flip_flops + parts.input_flip_flops - counted.flip_flops <= slack


@pytest.mark.parametrize("lanes", [5, 16])
@pytest.mark.parametrize("device", sorted(CHAIN_DEVICES))
def test_parts_of_popcounts_are_those_of_synthesis(
    device: Device, lanes: int, tmp_path: Path
) -> None:
    check_match_count(device, lanes, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 2, 8, 33, 64])
@pytest.mark.parametrize("device", list(Device))
def test_parts_of_more_popcounts_are_those_of_synthesis(
    device: Device, lanes: int, tmp_path: Path
) -> None:
    check_match_count(device, lanes, tmp_path)


SAVED = {
    Device.ECP5: (588, 456),
    Device.XC7: (373, 249),
    Device.GOWIN: (599, 515),
    Device.ICE40: (432, 447),
}
"""LUTs of a layer in plain Verilog and in cells, as docs/howto/families.md has them."""


@pytest.mark.slow
@pytest.mark.parametrize("device", SAVED)
def test_what_cells_save_in_a_layer(device: Device, tmp_path: Path) -> None:
    node, sources = mvau(Folding(4, 32, BLOCK), (32, 256))
    assert isinstance(node, MVAU)
    plain, cells = (
        synthesised((layer, sources), [device], tmp_path)[device]
        for layer in (node, replace(node, device=device))
    )
    assert (plain.luts, cells.luts) == pytest.approx(SAVED[device], rel=0.03)
    assert 0.75 * plain.flip_flops < cells.flip_flops < 0.95 * plain.flip_flops


@pytest.mark.parametrize("device", list(Device))
def test_registers_in_the_cells_of_a_family(device: Device, tmp_path: Path) -> None:
    # With a level a stage bits wait so long on xc7 that Yosys makes shift registers of some.
    levels = 2 if device is Device.XC7 else 1
    for number, operands in enumerate((True, False)):
        pipelining = Pipelining(operands, levels)
        node, sources = mvau(Folding(4, 32, BLOCK), (64, 128))
        case = replace(node, device=device, pipelining=pipelining), sources
        folder = tmp_path / str(number)
        folder.mkdir()
        check(case, device, synthesised(case, [device], folder)[device])


@pytest.mark.parametrize("device", list(Device))
def test_more_in_parallel_takes_more_logic(device: Device) -> None:
    foldings = [Folding(1, 4, BLOCK), Folding(4, 8, BLOCK), Folding(8, 32, BLOCK)]
    for pair in itertools.pairwise(foldings):
        small, large = (layer_resources(*mvau(folding, (64, 256)), device) for folding in pair)
        assert small.luts < large.luts
        assert small.flip_flops < large.flip_flops


@pytest.mark.parametrize("device", list(Device))
def test_deeper_memories_take_no_fewer_blocks(device: Device) -> None:
    stream = StreamType(uint_type(8), 8, 8, 4096)
    blocks = [
        layer_resources(Fifo(**header(), depth_beats=depth), (stream,), device).block_rams
        for depth in (3, 30, 300, 3000, 30000)
    ]
    assert blocks == sorted(blocks)
    assert blocks[-1] > blocks[0] == 0


def test_estimates_do_not_depend_on_what_was_estimated_before() -> None:
    case = mvau(Folding(4, 8))
    copy = replace(case[0], folding=Folding(4, 8)), case[1]
    assert layer_resources(*case, Device.ECP5) == layer_resources(*copy, Device.ECP5)


def test_a_design_takes_its_layers_and_a_counter(lab) -> None:
    network = lab.Mlp(widths=(24, 16, 10)).network()
    dataflow = compile_network(network, plan_for_interval(network, 24))
    total = Resources()
    for node in dataflow.nodes:
        total += layer_resources(node, dataflow.input_types(node), Device.ECP5)
    beats = dataflow.types[dataflow.output.name].beats_per_frame
    design = design_resources(dataflow, Device.ECP5)
    assert design.flip_flops == pytest.approx(total.flip_flops + (beats - 1).bit_length())
    assert design.block_rams == total.block_rams


def test_a_stream_input_takes_nothing() -> None:
    node = StreamInput(name="image", edge="image", inputs=(), type=StreamType(BIPOLAR, 8, 8))
    assert layer_resources(node, (), Device.ICE40) == Resources()


def test_resources_add_up() -> None:
    total = Resources(1.5, 2, 3, 4) + Resources(luts=1, dsps=1)
    assert total == Resources(luts=2.5, flip_flops=2, block_rams=3, dsps=5)


def test_every_kind_of_layer_and_of_logic_is_counted() -> None:
    assert set(RESOURCES) == set(Dataflow.kinds)
    assert set(LUTS) == {str(kind) for kind in Logic}
    assert tuple(map(str, Device)) == DEVICES
    assert "Yosys" in SOURCE
    assert all(len(row) == len(DEVICES) and min(row) >= 0 for row in LUTS.values())


@given(
    arrays.arrays(
        np.int8, st.tuples(st.integers(1, 6), st.integers(1, 8)), elements=st.integers(-2, 1)
    ),
    st.sampled_from([BIPOLAR, TERNARY, uint_type(8), int_type(3)]),
)
def test_sums_have_their_exact_range(weights, element) -> None:
    assert sum_range(weights, element) == accumulator_range(weights, element)


def test_equal_parts_are_counted_once() -> None:
    rng = np.random.default_rng(0)
    drawn = [len(set(rng.integers(0, 8, 10).tolist())) for _ in range(2000)]
    assert distinct(10, 8) == pytest.approx(np.mean(drawn), rel=0.02)
    assert distinct(10, 1e12) == 10
    assert distinct(10, 1) == 1


def test_multiplications_of_gowin_are_dsp_blocks(tmp_path: Path) -> None:
    case = mvau(Folding(2, 4), (8, 16), int_type(4), uint_type(8))
    counted = synthesised(case, [Device.GOWIN], tmp_path)[Device.GOWIN]
    assert counted.dsps == counted.cells["MULT9X9"] == 8
    check(case, Device.GOWIN, counted)


def test_adders_of_two_streams() -> None:
    wide, narrow = StreamType(int_type(9), 8, 8), StreamType(BIPOLAR, 8, 8)
    node = AddUnit(**header("a", "b"))
    for device in Device:
        large = layer_resources(node, (wide, wide), device)
        assert large.luts > layer_resources(node, (narrow, narrow), device).luts
