# SPDX-License-Identifier: Apache-2.0
"""Exported networks against QONNX's executor and the reference engine, and imported back."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from lab import Cnn, Mlp, random_frames
from naive import random_values

from xnorflow.errors import ExportError, ToolError
from xnorflow.frontends.qonnx.exporter import LARGEST_MEAN, export_qonnx
from xnorflow.frontends.qonnx.importer import import_qonnx
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    ArgMax,
    Concat,
    Conv,
    DataType,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Network,
    Pad,
    SumPool,
    TensorType,
    Thermometer,
    Threshold,
    ThresholdTable,
    Upsample,
    Window,
    int_type,
    uint_type,
)
from xnorflow.sim.reference import ReferenceEngine

Array = np.ndarray[Any, Any]
INT2, UINT2, UINT8 = int_type(2), uint_type(2), uint_type(8)
RNG = np.random.default_rng


def executed(content: bytes, network: Network, frame: Array) -> dict[str, Array]:
    """What QONNX's executor gives on every edge, channels last."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.core.onnx_exec import execute_onnx
    given = np.moveaxis(frame, -1, 0)[np.newaxis].astype(np.float32)
    model = ModelWrapper(content)
    tensors = execute_onnx(model, {network.input.name: given}, return_full_exec_context=True)
    return {edge: np.moveaxis(np.asarray(tensors[edge])[0], 0, -1) for edge in network.types}


def check_executor(network: Network, frames: Array) -> bytes:
    """Equal integers on every edge; gives the file.

    QONNX warns of values that their annotated type has not, and warnings are errors here.
    """
    content = export_qonnx(network).SerializeToString(deterministic=True)
    want = ReferenceEngine(network).edges(frames)
    for index, frame in enumerate(frames):
        for edge, values in executed(content, network, frame).items():
            assert np.array_equal(values, want[edge][index]), edge
    return content


def imported(content: bytes, folder: Path) -> Network:
    path = folder / "exported.onnx"
    path.write_bytes(content)
    return import_qonnx(path).network


def results(network: Network, frames: Array, labels: bool) -> Array:
    """What ``network`` gives; without ``labels`` the scores that an import ranks."""
    edges = ReferenceEngine(network).edges(
        frames.reshape(len(frames), *network.types[network.input.name].shape)
    )
    last = network.output
    ranks = isinstance(last, ArgMax) and not labels
    return edges[last.inputs[0] if ranks else last.name].reshape(len(frames), -1)


def check(network: Network, folder: Path, count: int = 2) -> Network:
    """The executor and the import agree with ``network``; gives what was imported."""
    if len(network.types[network.output.name].shape) > 1:
        flat = Flatten(name="end", inputs=(network.output.name,))
        network = Network((*network.nodes, flat))
    frames = random_frames(network, count)
    again = imported(check_executor(network, frames), folder)
    labels = isinstance(network.output, ArgMax)
    assert np.array_equal(results(again, frames, labels), results(network, frames, labels))
    return again


def check_same(network: Network, folder: Path) -> None:
    """As :func:`check`, and what is imported has the same nodes, types and values."""
    again = check(network, folder)
    assert kinds(again) == kinds(network)
    frames = random_frames(network, 2, seed=1)
    want = ReferenceEngine(network).edges(frames)
    got = ReferenceEngine(again).edges(
        frames.reshape(len(frames), *again.types[again.input.name].shape)
    )
    for one, other in zip(want.values(), got.values(), strict=True):
        assert np.array_equal(one.reshape(-1), other.reshape(-1))


def kinds(network: Network) -> list[tuple[str, DataType]]:
    return [(node.mnemonic, network.types[node.name].element) for node in network.nodes]


def source(*shape: int, element: DataType = UINT8) -> Input:
    return Input(name="image", type=TensorType(element, shape))


def table(rows: Any, descending: Any, base: int = -1, output: DataType = BIPOLAR) -> ThresholdTable:
    return ThresholdTable(np.array(rows), np.array(descending), base, output)


def ended(*nodes: Any) -> Network:
    """``nodes`` with a classifier of 3 behind the last one."""
    size = Network(nodes).types[nodes[-1].name].size
    weights = random_values(TERNARY, (3, size), RNG(7))
    return Network(
        (
            *nodes,
            Flatten(name="flat", inputs=(nodes[-1].name,)),
            MatMul(name="fc", inputs=("flat",), weights=weights, weight_type=TERNARY),
            ArgMax(name="label", inputs=("fc",)),
        )
    )


@pytest.mark.parametrize(
    "mlp",
    [
        Mlp(),
        Mlp(widths=(784, 64, 64, 10), seed=1),
        Mlp(activation=INT2, seed=2),
        Mlp(activation=UINT2, seed=3),
        Mlp(weight=INT2, activation=INT2, input_type=INT2, seed=4),
        Mlp(weight=TERNARY, activation=TERNARY, input_type=TERNARY, seed=5),
        Mlp(weight=int_type(8), activation=uint_type(4), input_type=None, top_k=3, seed=6),
        Mlp(widths=(7, 5, 4), pixel=BIPOLAR, input_type=None, top_k=None, seed=7),
        Mlp(pixel=int_type(4), input_type=UINT2, seed=8),
    ],
)
def test_perceptrons_of_all_widths(mlp: Mlp, tmp_path: Path) -> None:
    network = mlp.network()
    if mlp.top_k is None:
        check(network, tmp_path)
    else:
        check_same(network, tmp_path)


@pytest.mark.parametrize("seed", range(24))
def test_random_convolutional_networks(seed: int, tmp_path: Path) -> None:
    check(Cnn(seed=seed).network(), tmp_path, count=1)


@pytest.mark.parametrize("seed", range(8))
def test_random_perceptrons(seed: int, tmp_path: Path) -> None:
    rng = RNG(seed)
    widths = tuple(int(n) for n in rng.integers(2, 12, 3))
    kinds = (BIPOLAR, TERNARY, INT2, UINT2, int_type(3))
    picked = [kinds[int(n)] for n in rng.integers(0, 5, 2)]
    weight = (BIPOLAR, TERNARY, INT2, int_type(3))[int(rng.integers(4))]
    mlp = Mlp(widths, input_type=picked[0], weight=weight, activation=picked[1], seed=seed)
    check(mlp.network(), tmp_path)


def test_channels_that_count_down_or_never_change_are_exact_at_every_value(tmp_path: Path) -> None:
    limits = np.iinfo(np.int64)
    rows = [[3, 9], [3, 9], [limits.min, limits.max], [limits.min, limits.max], [0, 0], [15, 15]]
    down = [False, True, False, True, True, False]
    nodes = (
        source(1, 1, 6, element=uint_type(4)),
        Threshold(name="act", inputs=("image",), table=table(rows, down, -1, TERNARY)),
    )
    network = Network((*nodes, Flatten(name="flat", inputs=("act",))))
    frames = np.repeat(np.arange(16), 6).reshape(16, 1, 1, 6)
    again = imported(check_executor(network, frames), tmp_path)
    assert np.array_equal(results(again, frames, False), results(network, frames, False))


def test_one_table_for_all_channels_that_counts_down(tmp_path: Path) -> None:
    act = Threshold(name="act", inputs=("image",), table=table([[100]], [True]))
    check_same(ended(source(3, 2, 2), act), tmp_path)


@pytest.mark.parametrize(
    ("weight", "element", "padding"),
    [
        (BIPOLAR, BIPOLAR, (0, 0, 0, 0)),
        (BIPOLAR, BIPOLAR, (1, 0, 0, 1)),
        (TERNARY, UINT2, (1, 1, 1, 1)),
        (INT2, INT2, (0, 1, 1, 0)),
    ],
)
@pytest.mark.parametrize("depthwise", [False, True])
def test_convolutions(
    weight: DataType,
    element: DataType,
    padding: tuple[int, int, int, int],
    depthwise: bool,
    tmp_path: Path,
) -> None:
    window = Window((3, 2), stride=(1, 2), dilation=(2, 1), padding=padding)
    rows = np.sort(RNG(0).integers(0, 255, (3, element.levels - 1)))
    act = table(rows, [False, True, False], element.min, element)
    shape = (3, 3, 2) if depthwise else (4, 3, 2, 3)
    kind = Depthwise if depthwise else Conv
    weights = random_values(weight, shape, RNG(1))
    network = ended(
        source(7, 6, 3),
        Threshold(name="act", inputs=("image",), table=act),
        kind(name="conv", inputs=("act",), weights=weights, weight_type=weight, window=window),
        Threshold(name="bits", inputs=("conv",), table=table([[1]], [False])),
    )
    check_same(network, tmp_path)


@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (1, 3), (3, 3), (7, 7)])
@pytest.mark.parametrize("element", [BIPOLAR, UINT8])
@pytest.mark.parametrize("kind", [SumPool, MaxPool])
def test_pools(kernel: Any, element: DataType, kind: Any, tmp_path: Path) -> None:
    padding = (0, kernel[1] - 1, 0, 0)
    window = Window(kernel, stride=(2, 1), padding=padding)
    pool = kind(name="pool", inputs=("image",), window=window)
    check_same(ended(source(7, 8, 2, element=element), pool), tmp_path)


@pytest.mark.parametrize("size", [(4, 4), (5, 3)])
def test_a_sum_of_the_whole_image(size: tuple[int, int], tmp_path: Path) -> None:
    pool = SumPool(name="pool", inputs=("image",), window=Window(size, stride=size))
    network = ended(source(*size, 3), pool)
    check_same(network, tmp_path)
    operators = [node.op_type for node in export_qonnx(network).graph.node]
    rounded = [] if size == (4, 4) else ["Round"]
    expected = ["GlobalAveragePool", "Mul", *rounded]
    assert operators[: len(expected) + 1] == [*expected, "Flatten"]


def test_a_sum_with_dilation_becomes_a_product(tmp_path: Path) -> None:
    window = Window((2, 3), dilation=(1, 2), padding=(0, 1, 0, 0))
    pool = SumPool(name="pool", inputs=("image",), window=window)
    act = Threshold(name="act", inputs=("pool",), table=table([[700]], [False]))
    again = check(ended(source(4, 6, 2), pool, act), tmp_path)
    assert [node.mnemonic for node in again.nodes][1] == "depthwise"


@pytest.mark.parametrize("taps", [3, 5, 7, 9, 25, 49, 81, 1023, 3137])
def test_a_rounded_mean_times_the_pixels_is_the_sum(taps: int) -> None:
    sums = np.arange(LARGEST_MEAN, dtype=np.float32)
    count = np.float32(taps)
    for mean in (sums / count, sums * (np.float32(1) / count)):
        assert np.array_equal(np.rint(mean * count), sums)


def residual(shifts: tuple[int, int]) -> Network:
    """A convolution beside what it reads, added up, and both side by side."""
    weights = random_values(BIPOLAR, (2, 3, 3, 2), RNG(3))
    window = Window((3, 3), padding=(1, 1, 1, 1))
    act = table([[50, 100, 150], [20, 90, 200]], [False, True], 0, UINT2)
    second = table([[-3, 0, 2]], [False], 0, UINT2)
    return ended(
        source(4, 5, 2),
        Threshold(name="act", inputs=("image",), table=act),
        Conv(name="conv", inputs=("act",), weights=weights, weight_type=BIPOLAR, window=window),
        Threshold(name="branch", inputs=("conv",), table=second),
        Add(name="sum", inputs=("act", "branch"), shifts=shifts),
        Threshold(name="after", inputs=("sum",), table=table([[3, 4, 6]], [False], 0, UINT2)),
        Concat(name="both", inputs=("after", "act", "branch")),
    )


@pytest.mark.parametrize("shifts", [(0, 0), (0, 3), (2, 0)])
def test_residual_sums_and_concatenations(shifts: tuple[int, int], tmp_path: Path) -> None:
    check_same(residual(shifts), tmp_path)


@pytest.mark.parametrize("element", [BIPOLAR, UINT8])
def test_padding_and_upsampling(element: DataType, tmp_path: Path) -> None:
    network = ended(
        source(3, 4, 2, element=element),
        Upsample(name="up", inputs=("image",), factor=(2, 3)),
        Pad(name="pad", inputs=("up",), padding=(1, 0, 2, 1)),
    )
    check_same(network, tmp_path)


@pytest.mark.parametrize("shape", [(6,), (5, 2), (3, 4, 1), (3, 4, 3)])
def test_thermometers(shape: tuple[int, ...], tmp_path: Path) -> None:
    levels = np.array([10, 60, 61, 200])
    check(ended(source(*shape), Thermometer(name="t", inputs=("image",), levels=levels)), tmp_path)


def test_equal_scores_give_the_first_labels(tmp_path: Path) -> None:
    weights = np.array([[0, 1], [1, 0], [1, 0], [0, 1]])
    nodes = (
        source(2, element=uint_type(1)),
        MatMul(name="fc", inputs=("image",), weights=weights, weight_type=TERNARY),
        ArgMax(name="label", inputs=("fc",), k=4),
    )
    frames = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    content = check_executor(Network(nodes), frames)
    assert executed(content, Network(nodes), frames[1])["label"].tolist() == [1, 2, 0, 3]


def test_the_perceptron_of_the_zoo_goes_out_and_comes_back(tfc: Path, tmp_path: Path) -> None:
    check_same(import_qonnx(tfc).network, tmp_path)


def stated_types(model: Any) -> dict[str, str]:
    return {
        entry.tensor_name: entry.quant_parameter_tensor_names[0].value
        for entry in model.graph.quantization_annotation
    }


def test_the_file_says_the_types_as_finn_reads_them() -> None:
    network = Mlp(widths=(4, 4, 3), seed=1).network()
    model = export_qonnx(network)
    onnx.checker.check_model(model, full_check=False)
    types = stated_types(model)
    assert types["image"] == "UINT8"
    assert types["fc1.weights"] == "BIPOLAR"
    assert {types[edge] for edge in ("input_act", "act1")} == {"BIPOLAR"}
    assert all(types[edge] == kind.element.name for edge, kind in network.types.items())
    (act,) = (node for node in model.graph.node if node.name == "act1")
    assert (act.op_type, act.domain) == ("MultiThreshold", "qonnx.custom_op.general")
    values = {a.name: onnx.helper.get_attribute_value(a) for a in act.attribute}
    assert values == {
        "out_dtype": b"BIPOLAR",
        "out_scale": 2.0,
        "out_bias": -1.0,
        "data_layout": b"NC",
    }
    assert model.graph.node[-1].op_type == "TopK"


def test_the_same_network_gives_the_same_bytes() -> None:
    first, second = (
        export_qonnx(residual((0, 1))).SerializeToString(deterministic=True) for _ in range(2)
    )
    assert first == second


def large(mw: int) -> Network:
    weights = np.full((2, mw), 127)
    fc = MatMul(name="fc", inputs=("image",), weights=weights, weight_type=int_type(8))
    return Network((source(mw), fc))


def test_sums_up_to_what_float32_holds_are_exact() -> None:
    network = large(518)
    content = check_executor(network, np.full((1, 518), 255))
    top = executed(content, network, np.full(518, 255))["fc"]
    assert top.tolist() == [518 * 127 * 255] * 2
    assert 518 * 127 * 255 < 1 << 24 <= 519 * 127 * 255


REFUSED = [
    (
        large(519),
        r"^integers must stay below 2\*\*24 to be exact in QONNX's float32, and may reach "
        r"16807815 \(node 'fc'\)$",
    ),
    (
        Network((source(91, 91, 1), SumPool(name="p", inputs=("image",), window=Window((91, 91))))),
        r"^integers must stay below 2\*\*21 .* may reach 2111655 \(node 'p'\)$",
    ),
    (
        Network(
            (
                source(4, 4, 1),
                MaxPool(
                    name="p",
                    inputs=("image",),
                    window=Window((2, 2), dilation=(2, 2), padding=(2, 0, 0, 0)),
                ),
            )
        ),
        r"^a pool must have less padding \(2, 0, 0, 0\) than its kernel \(2, 2\) has pixels to be "
        r"exported \(node 'p'\)$",
    ),
    (
        Network(
            (
                source(4),
                ArgMax(name="best", inputs=("image",)),
                Threshold(name="t", inputs=("best",), table=table([[1]], [False])),
            )
        ),
        r"^labels must be the output of a network to be exported \(node 'best'\)$",
    ),
    (
        Network((source(1, 2, 3, 4), Flatten(name="flat", inputs=("image",)))),
        r"^an edge must have one to three axes to be exported \(node 'image'\)$",
    ),
    (
        Network((source(4),)),
        r"^an exported network must have a node behind its input \(node 'image'\)$",
    ),
    (
        Network(
            (
                source(4),
                Add(name="sum", inputs=("image", "image"), shifts=(17, 0)),
            )
        ),
        r"^integers must stay below 2\*\*24 .* may reach 33423360 \(node 'sum'\)$",
    ),
]


@pytest.mark.parametrize(("network", "message"), REFUSED)
def test_what_cannot_be_said_exactly_is_refused_with_its_node(
    network: Network, message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        export_qonnx(network)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(
        ToolError, match=r"^onnx is not installed: pip install 'xnorflow\[qonnx\]'$"
    ):
        export_qonnx(Mlp().network())
