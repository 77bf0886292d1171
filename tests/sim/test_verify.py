# SPDX-License-Identifier: Apache-2.0
"""``verify`` passes on what was built, and fails, naming the layer, on anything that was not."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wasteful import waste

from xnorflow.cli import main
from xnorflow.errors import ArtifactError, ConfigError, DataError, OutputError, ToolError
from xnorflow.hw.build import BuildOptions, build, load_design
from xnorflow.hw.families import Device
from xnorflow.hw.passes.size_fifos import with_depths
from xnorflow.ir import MVAU, Dataflow, Fifo, Network, SparseMVAU, load_graph, save_graph
from xnorflow.quant.recipe import find_recipe
from xnorflow.quant.train import train
from xnorflow.rundir import RunFolder
from xnorflow.sim import lockstep
from xnorflow.sim.verify import VerifyEngine, VerifyOptions, VerifyReport, verify
from xnorflow.toolchain import find_tool

IMAGES = 40


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUN folder with a small network on digits, built with the default folding."""
    run = tmp_path_factory.mktemp("runs") / "digits"
    train(find_recipe("digits").with_overrides(epochs=4), run)
    build(run)
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to break."""
    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    return copy


def check(run: Path, engine: VerifyEngine = VerifyEngine.RTL) -> VerifyReport:
    return verify(run, VerifyOptions(engine=engine, images=IMAGES, second_opinion=False))


def test_all_engines_agree_on_every_edge(trained: Path) -> None:
    report = check(trained)
    assert report.passed
    assert report.mismatches == 0
    assert report.torch_compared
    pairs = {(edge.expected, edge.got) for edge in report.edges}
    assert pairs == {
        ("torch", "reference"),
        ("reference", "rtl"),
        ("reference", "rtl with stalls"),
        ("cycle model", "rtl"),
        ("cycle model", "rtl with stalls"),
    }
    assert {e.edge for e in report.edges if e.expected == "reference"} >= {
        "image",
        "fc1",
        "fc4",
        "label",
    }
    assert report.timing is not None
    assert report.timing.measured_ii_frame == report.timing.predicted_ii_frame


@pytest.mark.parametrize(
    ("cycles", "installed", "asked"),
    [
        (3333, ("iverilog", "verilator"), ("iverilog", 3)),
        (3334, ("iverilog", "verilator"), ("verilator", 3)),
        (3334, ("iverilog",), ("iverilog", 1)),
        (3333, ("verilator",), ("verilator", 3)),
        (3333, (), (None, 3)),
    ],
)
def test_long_designs_are_not_interpreted_for_long(
    monkeypatch: pytest.MonkeyPatch,
    cycles: int,
    installed: tuple[str, ...],
    asked: tuple[str | None, int],
) -> None:
    monkeypatch.setattr(lockstep, "find_tool", lambda name: name if name in installed else None)
    monkeypatch.setattr(lockstep, "frame_interval", lambda _: cycles)
    assert lockstep.whom_to_ask(None) == asked  # type: ignore[arg-type]


@pytest.mark.parametrize("tool", ["iverilog", "verilator"])
def test_second_opinion(trained: Path, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_tool(tool) is None:
        pytest.skip(f"{tool} is not installed")
    asked = {tool: lockstep.SECOND_OPINIONS[tool]}
    monkeypatch.setattr(lockstep, "SECOND_OPINIONS", asked)
    report = verify(trained, VerifyOptions(engine=VerifyEngine.RTL, images=5))
    assert report.passed
    assert report.second_opinion_images == 3
    compared = {edge.edge: edge.values for edge in report.edges if edge.got == tool}
    assert compared == {"label": 3, "cycles of label": 3}


def test_reference_engine_takes_all_test_images(trained: Path) -> None:
    report = verify(trained, VerifyOptions(engine=VerifyEngine.REFERENCE))
    assert report.software_images == 360
    assert report.rtl_images == 0
    assert report.passed


@pytest.mark.parametrize("device", [None, Device.ICE40])
def test_netlist_takes_all_test_images(trained: Path, device: Device | None) -> None:
    report = verify(trained, VerifyOptions(engine=VerifyEngine.GATES, device=device))
    assert report.passed
    assert (report.software_images, report.netlist_images, report.rtl_images) == (360, 360, 0)
    name = f"netlist ({device or 'gates'})"
    counts = {(e.expected, e.got, e.edge): e.values for e in report.edges if e.expected != "torch"}
    assert counts == {
        (expected, got, edge): values
        for got in (name, f"{name} with stalls")
        for expected, edge, values in (
            ("reference", "label", 360),
            ("cycle model", "cycles of label", 1),
        )
    }


def test_a_wrong_weight_is_found_in_the_netlist(run: Path) -> None:
    edit_words(run, "fc4_weights.mem", lambda words: [flip_bit(word) for word in words])
    report = verify(run, VerifyOptions(engine=VerifyEngine.GATES, images=100, stall_seed=None))
    assert not report.passed
    assert report.first is not None
    assert report.first.edge == "label"


def test_a_device_is_that_of_a_netlist(trained: Path) -> None:
    with pytest.raises(ConfigError, match=r"^a device \(ecp5\) needs the gates engine$"):
        VerifyOptions(engine=VerifyEngine.RTL, device=Device.ECP5)


def test_a_beat_in_another_cycle_is_found_on_its_stream(run: Path) -> None:
    """The graph says that a FIFO has a memory, which takes a cycle more; the Verilog has none."""
    dataflow = load_graph(Dataflow, run / "rtl")
    fifo = next(node for node in dataflow.nodes if isinstance(node, Fifo))
    assert fifo.depth_beats == 2
    save_graph(with_depths(dataflow, {fifo.name: 3}), run / "rtl")
    report = check(run)
    assert not report.passed
    wrong = {edge.edge: edge for edge in report.edges if edge.mismatches}
    assert {edge.expected for edge in wrong.values()} == {"cycle model"}
    first = wrong[f"cycles of {fifo.name}"].first
    assert first is not None
    assert (first.frame, first.index, first.expected) == (0, 0, first.got + 1)


def flip_bit(word: str) -> str:
    """``word`` with its lowest bit flipped."""
    return f"{int(word, 16) ^ 1:0{len(word)}x}"


def edit_words(run: Path, name: str, edit: Callable[[list[str]], list[str]]) -> None:
    """Rewrite a memory file by ``edit``, which must change it."""
    path = run / "rtl" / name
    words = path.read_text().split()
    edited = edit(list(words))
    assert edited != words
    path.write_text("\n".join(edited) + "\n")


def flip_one_bit(words: list[str]) -> list[str]:
    """Word 5 with its lowest bit flipped."""
    words[5] = f"{int(words[5], 16) ^ 1:0{len(words[5])}x}"
    return words


@pytest.mark.parametrize("layer", ["fc1", "fc2", "fc4"])
def test_one_wrong_weight_bit_is_found_in_its_layer(run: Path, layer: str) -> None:
    edit_words(run, f"{layer}_weights.mem", flip_one_bit)
    report = check(run)
    assert not report.passed
    assert report.first is not None
    assert report.first.edge == layer
    assert report.first.cycle is not None


def test_one_wrong_threshold_is_found_in_its_layer(run: Path) -> None:
    """The lowest threshold becomes the highest."""

    def raise_lowest(words: list[str]) -> list[str]:
        words[min(range(len(words)), key=lambda i: int(words[i], 16))] = max(words)
        return words

    edit_words(run, "fc2_thresholds_0.mem", raise_lowest)
    report = check(run)
    assert report.first is not None
    assert report.first.edge == "fc2"


def test_wrong_fold_order_is_found_in_its_layer(run: Path) -> None:
    """Words in the order synapse folds, neuron folds instead of the other way round."""
    folds = json.loads((run / "rtl" / "folding.json").read_text())["fc3"]
    neuron_folds = 64 // folds["PE"]

    def transpose(words: list[str]) -> list[str]:
        return [word for start in range(neuron_folds) for word in words[start::neuron_folds]]

    edit_words(run, "fc3_weights.mem", transpose)
    report = check(run)
    assert report.first is not None
    assert report.first.edge == "fc3"


def test_the_command_names_layer_frame_beat_and_cycle(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_words(run, "fc4_weights.mem", flip_one_bit)
    assert main(["verify", str(run), "--engine", "rtl", "--images", "5"]) == 1
    output = capsys.readouterr().out
    assert "first difference: layer 'fc4' (module fc4), frame 0, element" in output
    assert "beat" in output
    assert "cycle" in output
    assert output.splitlines()[-1].startswith("FAIL: ")


def test_a_wrong_weight_in_the_model_is_found_against_torch(run: Path) -> None:
    """The stored integer network differs from the checkpoint in one weight."""
    from dataclasses import replace

    from xnorflow.ir import MatMul

    network = load_graph(Network, run / "model")
    nodes = list(network.nodes)
    place = next(i for i, node in enumerate(nodes) if node.name == "fc3")
    node = nodes[place]
    assert isinstance(node, MatMul)
    weights = np.array(node.weights)
    weights[3, 7] *= -1
    nodes[place] = replace(node, weights=weights)
    save_graph(Network(tuple(nodes)), run / "model")
    report = check(run, VerifyEngine.REFERENCE)
    assert report.first is not None
    assert report.first.edge == "fc3"
    assert report.first.origin == "fc3"


def test_json_report(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["verify", str(trained), "--engine", "reference", "--images", "10", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert document["passed"] is True
    assert document["software_images"] == 10
    assert document["mismatches"] == 0
    assert {edge["edge"] for edge in document["edges"]} >= {"image", "flat", "fc1", "act1", "label"}


def negative(word: str) -> str:
    """A word of bits of weights, each inverted."""
    return f"{int(word, 16) ^ (1 << 4 * len(word)) - 1:0{len(word)}x}"


def other_beat(word: str) -> str:
    """A word of a table of tiles with another beat; its lowest bit ends a total."""
    return f"{int(word, 16) ^ 2:0{len(word)}x}"


def test_a_network_that_skips_tiles(run: Path, lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights are pruned behind PyTorch's back, which therefore does not compare."""
    network = lab.prune(load_graph(Network, run / "model"), (8, 16), 0.7, seed=1)
    save_graph(network, run / "model")
    folding = run / "folding.json"
    folding.write_text(
        '{"Defaults": {"PE": [8, ["MVAU"]], "SIMD": [16, ["MVAU"]]}, "fc4": {"PE": 2}}'
    )
    build(run, BuildOptions(replace=True, folding=folding))
    layers = {node.name: node for node in load_graph(Dataflow, run / "rtl").nodes}
    sparse = [name for name, node in layers.items() if isinstance(node, SparseMVAU)]
    assert sparse == ["fc1", "fc2", "fc3", "fc4"]
    monkeypatch.delitem(sys.modules, "xnorflow.quant.trace", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    report = check(run)
    assert report.passed
    assert report.timing is not None
    assert report.timing.measured_ii_frame == report.timing.predicted_ii_frame
    edit_words(run, "fc2_tiles.mem", lambda words: [*words[:5], other_beat(words[5]), *words[6:]])
    report = check(run)
    assert report.first is not None
    assert report.first.edge == "fc2"


@pytest.fixture
def simplified(run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of its hidden layers, pruned behind PyTorch's back, 16 or 32 of 64 neurons are left."""
    save_graph(waste(load_graph(Network, run / "model"), seed=3, share=0.5), run / "model")
    build(run, BuildOptions(replace=True))
    monkeypatch.delitem(sys.modules, "xnorflow.quant.trace", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    return run


def kept_in(run: Path) -> dict[str, list[int]]:
    design = load_design(RunFolder(run), load_graph(Network, run / "model"))
    return {edge: channels.tolist() for edge, channels in design.kept.by_edge.items()}


def test_a_simplified_network_is_compared_on_every_stream(simplified: Path) -> None:
    kept = kept_in(simplified)
    assert {"act1", "act2", "act3"} <= set(kept)
    assert all(len(channels) in (16, 32, 48) for channels in kept.values())
    report = check(simplified)
    assert report.passed
    dataflow = load_graph(Dataflow, simplified / "rtl")
    counts = {e.edge: e.values for e in report.edges if (e.expected, e.got) == ("reference", "rtl")}
    assert counts == {name: IMAGES * stream.size for name, stream in dataflow.types.items()}
    assert report.timing is not None
    assert report.timing.measured_ii_frame == report.timing.predicted_ii_frame


def test_a_difference_names_the_channel_of_the_network(simplified: Path) -> None:
    """The last neurons get the negatives of their weights; some before them were removed."""
    kept = kept_in(simplified)["act2"]
    layer = load_graph(Dataflow, simplified / "rtl").node("fc2")
    assert isinstance(layer, MVAU)
    edit_words(
        simplified,
        "fc2_weights.mem",
        lambda words: [*words[: -layer.sf], *(negative(word) for word in words[-layer.sf :])],
    )
    first = check(simplified).first
    assert first is not None
    assert first.edge == "fc2"
    assert first.channel == kept[first.index] != first.index
    assert f", element {first.index} (channel {first.channel} of the network), beat" in str(first)


def test_values_are_those_of_the_channels_that_are_said_to_be_kept(simplified: Path) -> None:
    """The same number of channels, but others: every stream that carries them differs."""
    path = simplified / "rtl" / "build.json"
    document = json.loads(path.read_text())
    kept = kept_in(simplified)["act1"]
    others = [channel for channel in range(64) if channel not in kept][: len(kept)]
    others += kept[: len(kept) - len(others)]
    document["kept_channels"]["act1"] = ",".join(map(str, sorted(others)))
    path.write_text(json.dumps(document))
    wrong = {edge.edge for edge in check(simplified).edges if edge.mismatches}
    dataflow = load_graph(Dataflow, simplified / "rtl")
    assert wrong == {node.name for node in dataflow.nodes if node.edge == "act1"}  # type: ignore[attr-defined]


def test_the_netlist_of_a_simplified_network(simplified: Path) -> None:
    report = verify(simplified, VerifyOptions(engine=VerifyEngine.GATES, images=100))
    assert report.passed
    assert report.netlist_images == 100


def test_engines_agree_on_a_simplified_network(
    simplified: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = []
    for engine in ("reference", "rtl"):
        options = ("--engine", engine, "--images", "12", "--json")
        assert main(["simulate", str(simplified), *options]) == 0
        outputs.append(json.loads(capsys.readouterr().out)["outputs"])
    assert outputs[0] == outputs[1]


def test_rtl_of_another_model_is_refused(run: Path) -> None:
    train(find_recipe("digits").with_overrides(epochs=1, seed=5), run.parent / "other")
    shutil.rmtree(run / "model")
    shutil.copytree(run.parent / "other" / "model", run / "model")
    with pytest.raises(ArtifactError, match=r"was built from another network .* --force"):
        check(run)


def test_missing_parts_name_the_command_that_makes_them(run: Path) -> None:
    shutil.rmtree(run / "rtl")
    with pytest.raises(ArtifactError, match=r"has no rtl: run `xnorflow build .*` first$"):
        check(run)
    shutil.rmtree(run / "model")
    with pytest.raises(
        ArtifactError, match=r"has no model: run `xnorflow train RECIPE -o .*` first$"
    ):
        check(run)
    with pytest.raises(ArtifactError, match=r"is not a RUN folder: there is no such folder$"):
        check(run / "nowhere")


def test_too_many_images(trained: Path) -> None:
    with pytest.raises(DataError, match=r"^'digits' has 360 test images, 361 were asked for$"):
        verify(trained, VerifyOptions(images=361))


def test_images_of_another_shape(trained: Path, tmp_path: Path) -> None:
    images = np.zeros((4, 9, 9), np.uint8)
    labels = np.zeros(4, np.int64)
    path = tmp_path / "other.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(DataError, match=r"must have shape \(8, 8, 1\)"):
        verify(trained, VerifyOptions(data=str(path)))


def test_without_torch_the_rtl_is_still_compared(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if ``import torch`` failed."""
    monkeypatch.delitem(sys.modules, "xnorflow.quant.trace")
    monkeypatch.setitem(sys.modules, "torch", None)
    report = check(trained)
    assert report.passed
    assert not report.torch_compared
    with pytest.raises(
        ToolError, match=r"^nothing to compare the reference with: torch is not installed"
    ):
        check(trained, VerifyEngine.REFERENCE)


def test_building_twice_needs_force(run: Path) -> None:
    with pytest.raises(OutputError, match=r"rtl exists already: .*--force$"):
        build(run)
    build(run, BuildOptions(replace=True, target_fps=1e6, clock_mhz=100))
    assert check(run).passed


@pytest.mark.parametrize(
    "options", [BuildOptions(scores=True, replace=True), BuildOptions(top_k=3, replace=True)]
)
def test_other_outputs(run: Path, options: BuildOptions) -> None:
    build(run, options)
    assert check(run).passed
