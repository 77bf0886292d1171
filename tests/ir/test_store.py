# SPDX-License-Identifier: Apache-2.0
"""Graphs on disk: round trips, equal bytes, and what is said of damaged folders."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from xnorflow.errors import ArtifactError
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    ArgMax,
    Dataflow,
    Fifo,
    Flatten,
    Folding,
    Graph,
    Input,
    LabelSelect,
    MatMul,
    Network,
    Node,
    Pipelining,
    RamStyle,
    StreamInput,
    StreamType,
    TensorType,
    Threshold,
    Thresholding,
    ThresholdTable,
    WidthConverter,
    Window,
    graph_digest,
    int_type,
    load_graph,
    save_graph,
    uint_type,
)


def network(weight: int = 1) -> Network:
    sign = ThresholdTable(np.array([[128]]), np.array([False]), -1, BIPOLAR)
    levels = ThresholdTable(np.array([[-1, 0, 2], [1, 1, 1]]), np.array([False, True]), 0, TWO)
    nodes = (
        Input(name="image", type=TensorType(uint_type(8), (2, 2, 1))),
        Flatten(name="flat", inputs=("image",)),
        Threshold(name="input_act", inputs=("flat",), table=sign),
        MatMul(
            name="fc1",
            inputs=("input_act",),
            weights=np.array([[weight, -1, 1, 1], [0, -1, 0, 1]]),
            weight_type=TERNARY,
            origin="features.0",
        ),
        Threshold(name="act1", inputs=("fc1",), table=levels),
        ArgMax(name="label", inputs=("act1",), k=2),
    )
    return Network(nodes)


TWO = uint_type(2)


def dataflow() -> Dataflow:
    sign = ThresholdTable(np.array([[0]]), np.array([True]), -1, BIPOLAR)
    nodes = (
        StreamInput(name="image", edge="image", type=StreamType(uint_type(8), 4, 2, 3)),
        Thresholding(
            name="act0",
            inputs=("image",),
            edge="act0",
            table=sign,
            channels=4,
            folding=Folding(pe=2),
        ),
        WidthConverter(name="dwc", inputs=("act0",), edge="act0", lanes=4),
        Fifo(name="fifo", inputs=("dwc",), edge="act0", depth_beats=4),
        MVAU(
            name="fc1",
            inputs=("fifo",),
            edge="act1",
            weights=np.ones((2, 4)),
            weight_type=BIPOLAR,
            table=sign,
            folding=Folding(pe=2, simd=4, ram_style=RamStyle.BLOCK),
        ),
        MVAU(
            name="fc2",
            inputs=("fc1",),
            edge="fc2",
            weights=-np.ones((3, 2)),
            weight_type=BIPOLAR,
            table=None,
            folding=Folding(pe=1, simd=2),
        ),
        LabelSelect(name="label", inputs=("fc2",), edge="label", k=3),
    )
    return Dataflow(nodes)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_graph(network(), tmp_path)
    return tmp_path


@pytest.mark.parametrize("graph", [network(), dataflow()], ids=["network", "dataflow"])
def test_round_trip(graph: Graph, tmp_path: Path) -> None:
    save_graph(graph, tmp_path)
    again = load_graph(type(graph), tmp_path)
    assert type(again) is type(graph)
    assert str(again) == str(graph)
    assert again.types == graph.types
    assert graph_digest(again) == graph_digest(graph)
    for node, copy in zip(graph.nodes, again.nodes, strict=True):
        assert type(copy) is type(node)
        assert (copy.name, copy.inputs, copy.origin) == (node.name, node.inputs, node.origin)


def test_constants_come_back_equal_and_read_only(saved: Path) -> None:
    before, after = network(), load_graph(Network, saved)
    weights = [graph.node("fc1").weights for graph in (before, after)]
    assert np.array_equal(*weights)
    assert weights[1].dtype == np.int8
    tables = [graph.node("act1").table for graph in (before, after)]
    assert np.array_equal(tables[0].values, tables[1].values)
    assert np.array_equal(tables[0].descending, tables[1].descending)
    assert tables[1].output_type == TWO
    with pytest.raises(ValueError, match="read-only"):
        weights[1][0, 0] = 0


def test_folding_comes_back_with_its_types(tmp_path: Path) -> None:
    save_graph(dataflow(), tmp_path)
    unit = load_graph(Dataflow, tmp_path).node("fc1")
    assert unit.folding == Folding(pe=2, simd=4, ram_style=RamStyle.BLOCK)
    assert isinstance(unit.folding.ram_style, RamStyle)


def test_pipelining_comes_back_and_older_files_have_the_usual_one(tmp_path: Path) -> None:
    nodes = tuple(
        replace(node, pipelining=Pipelining(True, 1)) if isinstance(node, MVAU) else node
        for node in dataflow().nodes
    )
    save_graph(Dataflow(nodes), tmp_path)

    def found() -> list[Pipelining]:
        loaded = load_graph(Dataflow, tmp_path).nodes
        return [node.pipelining for node in loaded if isinstance(node, MVAU)]

    assert set(found()) == {Pipelining(True, 1)}
    path = tmp_path / "dataflow.json"
    document = json.loads(path.read_text())
    for record in document["nodes"]:
        record.pop("pipelining", None)
    path.write_text(json.dumps(document))
    assert set(found()) == {Pipelining()}


def flat(value: object) -> object:
    """A field's value as something that ``==`` compares, with the types of its parts."""
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.str, value.tolist())
    if is_dataclass(value):
        return (type(value), *((f.name, flat(getattr(value, f.name))) for f in fields(value)))
    if isinstance(value, tuple):
        return ("tuple", *map(flat, value))
    return (type(value), value)


@pytest.mark.parametrize("name", ["every_operation", "every_layer"])
def test_every_kind_comes_back_with_all_its_fields(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    graph = request.getfixturevalue(name)
    assert {type(node) for node in graph.nodes} == set(graph.kinds), "a kind is not tried"
    save_graph(graph, tmp_path)
    again = load_graph(type(graph), tmp_path)
    assert [flat(node) for node in again.nodes] == [flat(node) for node in graph.nodes]
    assert again.types == graph.types
    assert str(again) == str(graph)
    assert graph_digest(again) == graph_digest(graph)
    second = tmp_path / "second"
    second.mkdir()
    save_graph(again, second)
    assert contents(second) == contents(tmp_path)


@pytest.mark.parametrize(
    ("node", "change"),
    [
        ("conv", {"window": Window((3, 3), padding=(1, 1, 1, 1), stride=(2, 2))}),
        ("conv", {"weight_type": int_type(2)}),
        ("bits", {"levels": np.array([64, 129])}),
        ("sum", {"shifts": (0, 1)}),
        ("sum", {"inputs": ("act2", "act1")}),
        ("pad", {"padding": (1, 0, 0, 1)}),
        ("up", {"factor": (2, 1)}),
        ("pool", {"window": Window((2, 2), stride=(2, 1))}),
    ],
)
def test_the_digest_sees_every_field(
    every_operation: Network, node: str, change: dict[str, object]
) -> None:
    """Of a graph that ends at the node, so that no other rule is in the way."""
    whole = every_operation.nodes
    end = next(i for i, other in enumerate(whole) if other.name == node) + 1
    changed = replace(whole[end - 1], **change)
    before, after = digest_of(whole[:end]), digest_of((*whole[: end - 1], changed))
    assert before != after


def digest_of(nodes: tuple[Node, ...]) -> str:
    """Digest of ``nodes`` without what nobody reads."""
    read = {nodes[-1].name}
    kept: list[Node] = []
    for node in reversed(nodes):
        if node.name in read:
            kept.insert(0, node)
            read.update(node.inputs)
    return graph_digest(Network(tuple(kept)))


@pytest.mark.parametrize("make", [network, dataflow])
def test_equal_graphs_give_equal_bytes_at_any_time(
    make: Callable[[], Graph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    save_graph(make(), first)
    real = time.localtime
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    monkeypatch.setattr(time, "localtime", lambda *_: real(2_000_000_000))
    save_graph(make(), second)
    assert contents(first) == contents(second)


def test_the_digest_tells_graphs_apart() -> None:
    assert graph_digest(network()) == graph_digest(network())
    assert graph_digest(network()) != graph_digest(network(weight=-1))


def test_both_stages_have_files_of_their_own(saved: Path) -> None:
    assert set(contents(saved)) == {"network.json", "tensors.npz"}


def test_missing_json(tmp_path: Path) -> None:
    message = rf"^{tmp_path}/network\.json is missing: not a complete RUN folder$"
    with pytest.raises(ArtifactError, match=message):
        load_graph(Network, tmp_path)


def test_missing_tensors(saved: Path) -> None:
    (saved / "tensors.npz").unlink()
    message = rf"^{saved}/tensors\.npz is missing: not a complete RUN folder$"
    with pytest.raises(ArtifactError, match=message):
        load_graph(Network, saved)


def test_folder_in_place_of_a_file(saved: Path) -> None:
    (saved / "network.json").unlink()
    (saved / "network.json").mkdir()
    with pytest.raises(ArtifactError, match=rf"^{saved}/network\.json cannot be read: "):
        load_graph(Network, saved)


@pytest.mark.parametrize("text", ["", "{", "[1, 2", "\udcff"])
def test_json_that_is_none(saved: Path, text: str) -> None:
    (saved / "network.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ArtifactError, match=rf"^{saved}/network\.json cannot be read: "):
        load_graph(Network, saved)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('{"schema_version": 1}', "1"),
        ('{"schema_version": 3}', "3"),
        ('{"schema_version": true}', "True"),
        ('{"schema_version": 1.0}', r"1\.0"),
        ("{}", "None"),
        ("[]", "None"),
        ("null", "None"),
    ],
)
def test_another_schema_version(saved: Path, text: str, version: str) -> None:
    (saved / "network.json").write_text(text)
    message = (
        rf"^{saved}/network\.json has schema version {version}, this xnorflow reads 2: "
        r"make the folder again with this version$"
    )
    with pytest.raises(ArtifactError, match=message):
        load_graph(Network, saved)


def test_tensors_of_another_network(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    save_graph(network(weight=-1), other)
    shutil.copy(other / "tensors.npz", saved / "tensors.npz")
    message = rf"^{saved}/tensors\.npz is corrupt: tensor 'fc1\.weights' does not match its hash$"
    with pytest.raises(ArtifactError, match=message):
        load_graph(Network, saved)


def test_tensors_of_another_type_with_equal_values(saved: Path) -> None:
    with np.load(saved / "tensors.npz") as archive:
        tensors = dict(archive)
    tensors["fc1.weights"] = tensors["fc1.weights"].astype(np.int16)
    np.savez(saved / "tensors.npz", **tensors)
    with pytest.raises(ArtifactError, match=r"'fc1\.weights' does not match its hash$"):
        load_graph(Network, saved)


def test_a_tensor_that_is_not_there(saved: Path) -> None:
    with np.load(saved / "tensors.npz") as archive:
        tensors = dict(archive)
    del tensors["act1.table.values"]
    np.savez(saved / "tensors.npz", **tensors)
    with pytest.raises(ArtifactError, match=rf"^{saved}/tensors\.npz is corrupt: "):
        load_graph(Network, saved)


def test_pickles_are_not_opened(saved: Path) -> None:
    np.save(saved / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    (saved / "object.npy").rename(saved / "tensors.npz")
    with pytest.raises(ArtifactError, match=rf"^{saved}/tensors\.npz is corrupt: "):
        load_graph(Network, saved)


def test_truncated_tensors(saved: Path) -> None:
    path = saved / "tensors.npz"
    whole = path.read_bytes()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError, match=rf"^{saved}/tensors\.npz is corrupt: "):
            load_graph(Network, saved)


def test_any_flipped_byte_is_found_or_harmless(saved: Path) -> None:
    """Some bytes of a zip archive mean nothing to a reader; no other may go unseen."""
    path = saved / "tensors.npz"
    whole = path.read_bytes()
    digest = graph_digest(network())
    found = 0
    for place in range(0, len(whole), 2):
        flipped = bytearray(whole)
        flipped[place] ^= 0xFF
        path.write_bytes(flipped)
        try:
            assert graph_digest(load_graph(Network, saved)) == digest
        except ArtifactError:
            found += 1
    assert found > len(whole) / 4


def edited(folder: Path, edit: Callable[[dict], None]) -> None:
    path = folder / "network.json"
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda d: d.pop("nodes"), r"'nodes'"),
        (lambda d: d.update(nodes=5), r"'int' object is not iterable"),
        (lambda d: d.update(nodes=["x"]), r""),
        (lambda d: d["nodes"][0].update(mnemonic="dense"), r"unknown kind of node 'dense'"),
        (lambda d: d["nodes"][0].update(mnemonic=["dense"]), r""),
        (lambda d: d["nodes"][0].pop("mnemonic"), r"'mnemonic'"),
        (lambda d: d["nodes"][0].update(colour="red"), r"Input has no field 'colour'"),
        (lambda d: d["nodes"][0].update(name=7), r"7 must be str"),
        (lambda d: d["nodes"][0]["type"].update(element="INT1"), r"width of INT must be 2\.\.32"),
        (lambda d: d["nodes"][0]["type"].update(element=3), r""),
        (lambda d: d["nodes"][0]["type"].update(shape=[0]), r"a tensor's shape must have axes"),
        (lambda d: d["nodes"][0]["type"].update(shape=["a"]), r"'a' must be int"),
        (lambda d: d["nodes"][0].update(type=None), r"TensorType must be an object, not None"),
        (lambda d: d["nodes"][1].update(inputs=["nothing"]), r"edge 'nothing' is read before"),
        (lambda d: d["nodes"][2]["table"].update(base=0.5), r"0\.5 must be int"),
        (lambda d: d["nodes"][2].update(table=None), r"ThresholdTable must be an object"),
        (lambda d: d["nodes"][2]["table"].update(values=[[1]]), r""),
        (lambda d: d["nodes"][3].update(weights={"tensor": "nothing"}), r"'nothing'"),
        (lambda d: d["nodes"][3].update(weights={"tensor": "act1.table.values"}), r""),
        (lambda d: d["nodes"][5].update(k=9), r"argmax of k=9 takes a vector of 9 or more"),
        (lambda d: d["nodes"][5].update(k=True), r"True must be int"),
    ],
)
def test_json_that_describes_no_network(
    saved: Path, edit: Callable[[dict], None], reason: str
) -> None:
    edited(saved, edit)
    message = rf"^{saved}/network\.json does not describe a network graph: {reason}"
    with pytest.raises(ArtifactError, match=message):
        load_graph(Network, saved)


@pytest.mark.parametrize(
    ("name", "node", "change", "reason"),
    [
        ("every_operation", "conv", {"window": {"kernel": [3]}}, r"the kernel of a window must be"),
        ("every_operation", "conv", {"window": {"stride": [1, 1]}}, r"Window.__init__\(\) missing"),
        ("every_operation", "conv", {"window": {"size": 3}}, r"Window has no field 'size'"),
        ("every_operation", "conv", {"window": None}, r"Window must be an object, not None"),
        ("every_operation", "conv", {"window": [3, 3]}, r"Window must be an object, not \[3, 3\]"),
        ("every_operation", "conv", {"weights": {"tensor": "dw.weights"}}, r"a constant must have"),
        ("every_operation", "bits", {"levels": {"tensor": "fc.weights"}}, r"a constant must have"),
        ("every_operation", "sum", {"shifts": [1]}, r"add must have two shifts"),
        ("every_operation", "sum", {"shifts": ["1", 0]}, r"'1' must be int"),
        ("every_operation", "sum", {"shifts": 1}, r"'int' object is not iterable"),
        ("every_operation", "sum", {"inputs": ["act1"]}, r"add takes 2 input\(s\), not 1"),
        ("every_operation", "pad", {"padding": [1, 1]}, r"padding must be \(top, left, bottom"),
        ("every_operation", "pad", {"padding": [1, 1, 0.5, 0]}, r"0\.5 must be int"),
        ("every_operation", "up", {"factor": [2]}, r"a factor must be \(height, width\)"),
        ("every_layer", "pad1", {"shape": [4, 4]}, r"a shape must be \(height, width, channels\)"),
        ("every_layer", "pad1", {"flags": 1}, r"1 must be bool"),
        ("every_layer", "swu1", {"shape": []}, r"a shape must be \(height, width, channels\)"),
        ("every_layer", "swu1", {"depthwise": None}, r"None must be bool"),
        ("every_layer", "up", {"factor": [1, 2, 1]}, r"a factor must be \(height, width\)"),
        ("every_layer", "up", {"factor": []}, r"a factor must be \(height, width\)"),
        ("every_layer", "pool", {"kind_": "max"}, r"PoolUnit has no field 'kind_'"),
        ("every_layer", "fork", {"ways": 2}, r"the stream of fork must be read 2 time\(s\), not 3"),
    ],
)
def test_json_of_images_that_describes_no_graph(
    name: str,
    node: str,
    change: dict[str, object],
    reason: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    graph = request.getfixturevalue(name)
    save_graph(graph, tmp_path)
    path = tmp_path / f"{graph.stage}.json"
    document = json.loads(path.read_text())
    next(record for record in document["nodes"] if record["name"] == node).update(change)
    path.write_text(json.dumps(document))
    message = rf"^{path} does not describe a {graph.stage} graph: {reason}"
    with pytest.raises(ArtifactError, match=message):
        load_graph(type(graph), tmp_path)


@pytest.mark.parametrize("tensors", [5, None, ["fc1.weights"], "x"])
def test_hashes_of_another_form(saved: Path, tensors: object) -> None:
    edited(saved, lambda document: document.update(tensors=tensors))
    message = rf"^{saved}/network\.json is corrupt: it has no hashes of its tensors$"
    with pytest.raises(ArtifactError, match=message):
        load_graph(Network, saved)


def test_a_hash_of_another_form(saved: Path) -> None:
    edited(saved, lambda document: document["tensors"].update({"fc1.weights": 5}))
    with pytest.raises(ArtifactError, match=r"'fc1\.weights' does not match its hash$"):
        load_graph(Network, saved)


def test_a_graph_of_the_other_stage(saved: Path) -> None:
    (saved / "network.json").rename(saved / "dataflow.json")
    message = rf"^{saved}/dataflow\.json does not describe a dataflow graph: unknown kind of node "
    with pytest.raises(ArtifactError, match=message):
        load_graph(Dataflow, saved)
