# SPDX-License-Identifier: Apache-2.0
"""Files that are broken, or meant to harm: one line, no crash, nothing read outside the folder."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx_models import Builder, check_equal, random_weights

from xnorflow.cli import main
from xnorflow.errors import ModelFileError, XnorflowError
from xnorflow.frontends.qonnx.importer import import_qonnx
from xnorflow.frontends.qonnx.model_file import read_model
from xnorflow.ir.tensors import TensorType

Change = Callable[[onnx.ModelProto], object]


def small_model() -> onnx.ModelProto:
    """A convolution, a pool and a product, with constants of several types."""
    b = Builder(1, 2, 5, 5)
    x = b.quant("x", 0.125, 3)
    x = b.node("Conv", x, b.quant(random_weights(-2, 1, 4, 2, 3, 3), 1.0, 2), pads=[1, 1, 1, 1])
    x = b.node("BatchNormalization", x, *[np.full(4, value) for value in (0.5, 0.25, 1, 2)])
    x = b.node("MaxPool", b.quant(x, 0.5, 2, signed=0), kernel_shape=[2, 2], strides=[2, 2])
    x = b.node("Reshape", x, b.const([1, -1], np.int64))
    x = b.node("Mul", b.node("MatMul", x, b.bipolar(random_weights(-1, 1, 16, 3))), 0.3)
    b.node("ArgMax", x, axis=1)
    return b.proto()


def save(proto: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def constant(proto: onnx.ModelProto, name: str = "c0") -> TensorProto:
    return next(tensor for tensor in proto.graph.initializer if tensor.name == name)


def external(tensor: TensorProto, **entries: object) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))


def nested(proto: onnx.ModelProto) -> None:
    """Put graphs in graphs, as deep as protobuf takes them."""
    graph = onnx.GraphProto()
    for _ in range(20):
        outer = onnx.GraphProto()
        outer.node.append(helper.make_node("If", ["x"], ["y"], then_branch=graph))
        graph = outer
    proto.graph.node[0].attribute.append(helper.make_attribute("body", graph))


FILES: dict[str, tuple[Change, str]] = {
    "no nodes": (
        lambda p: p.graph.ClearField("node"),
        r"model\.onnx must be an ONNX model of 1 to 65536 nodes, not 0$",
    ),
    "no input": (
        lambda p: p.graph.ClearField("input"),
        r"^node 'n0' \(Quant\) reads 'x', which nobody makes$|must have one input, not 0 \(\)$",
    ),
    "two inputs": (
        lambda p: p.graph.input.append(p.graph.input[0]),
        r"must have one input, not 2 \('x', 'x'\)$",
    ),
    "a missing constant": (
        lambda p: constant(p).ClearField("name"),
        r"^node 'n0' \(Quant\) reads 'c0', which nobody makes$",
    ),
    "a constant twice": (
        lambda p: p.graph.initializer.append(constant(p)),
        r"^constant 'c0' is there twice$",
    ),
    "a tensor made twice": (
        lambda p: p.graph.node.append(p.graph.node[0]),
        r"^tensor 'quant0_0' is there twice$",
    ),
    "a constant that is made": (
        lambda p: p.graph.node[0].output.append("c0"),
        r"^tensor 'c0' is given, and made by a node too$",
    ),
    "a cycle": (
        lambda p: p.graph.node[0].input.__setitem__(0, p.graph.node[5].output[0]),
        r"^node 'n0' \(Quant\) depends on its own output: the graph has a cycle$",
    ),
    "a shape of petabytes": (
        lambda p: constant(p).dims.extend([1 << 50]),
        r"^constant 'c0' must have at most 8 axes and 67108864 elements, not the shape \(11258999",
    ),
    "a negative size": (
        lambda p: constant(p).dims.extend([-1]),
        r"^constant 'c0' must have at most 8 axes and 67108864 elements, not the shape \(-1\)$",
    ),
    "a thousand axes": (
        lambda p: constant(p).dims.extend([1] * 1000),
        r"not the shape \(1, 1, 1, 1, 1, 1, 1, 1, \.\.\.\)$",
    ),
    "too few bytes": (
        lambda p: setattr(constant(p), "raw_data", b"123"),
        r"^constant 'c0' must have 4 bytes by its shape, and has 3$",
    ),
    "no values": (
        lambda p: constant(p).ClearField("raw_data"),
        r"^constant 'c0' must have 1 values by its shape, and has 0$",
    ),
    "an unknown type": (
        lambda p: setattr(constant(p), "data_type", 8),
        r"^constant 'c0' has the unknown element type 8$",
    ),
    "sparse constants": (
        lambda p: p.graph.sparse_initializer.add(),
        r"must have dense constants, not sparse ones$",
    ),
    "values in an absolute path": (
        lambda p: external(constant(p), location="/etc/passwd"),
        r"^constant 'c0' must have its values beside the model, not in '/etc/passwd'$",
    ),
    "values in another folder": (
        lambda p: external(constant(p), location="../secret"),
        r"^constant 'c0' must have its values beside the model, not in '\.\./secret'$",
    ),
    "values in the folder by a detour": (
        lambda p: external(constant(p), location="../model/values"),
        r"^constant 'c0' must have its values beside the model, not in '\.\./model/values'$",
    ),
    "values behind a link": (
        lambda p: external(constant(p), location="link"),
        r"^constant 'c0' must have its values beside the model, not in 'link'$",
    ),
    "values in a folder": (
        lambda p: external(constant(p), location="."),
        r"^constant 'c0' has its values in '\.', which is no file there$",
    ),
    "values in a pipe": (
        lambda p: external(constant(p), location="pipe"),
        r"^constant 'c0' has its values in 'pipe', which is no file there$",
    ),
    "values nowhere": (
        lambda p: external(constant(p)),
        r"^constant 'c0' has its values in '', which is no file there$",
    ),
    "values in a file with a zero byte in its name": (
        lambda p: external(constant(p), location="a\0b"),
        r"^constant 'c0' names the impossible file 'a\\x00b'$",
    ),
    "values in a short file": (
        lambda p: external(constant(p), location="short"),
        r"^constant 'c0' must have 4 bytes by its shape, and has 2$",
    ),
    "values of another length": (
        lambda p: external(constant(p), location="short", length=1 << 40),
        r"^constant 'c0' must have 4 bytes by its shape, and has 1099511627776$",
    ),
    "values before the file": (
        lambda p: external(constant(p), location="short", offset=-4),
        r"^constant 'c0' must have a whole offset and length, not '-4'$",
    ),
    "values far behind the file": (
        lambda p: external(constant(p), location="short", offset=10**17),
        r"^constant 'c0' (must have 4 bytes by its shape, and has 0$|cannot be read from )",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with traps, and a secret beside it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"\0\0\x80?")
    (folder / "link").symlink_to("../secret")
    (folder / "short").write_bytes(b"\0\0")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize("name", FILES)
def test_refused(name: str, folder: Path) -> None:
    change, message = FILES[name]
    proto = small_model()
    change(proto)
    with pytest.raises(ModelFileError, match=message) as caught:
        import_qonnx(save(proto, folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 10, 300])
def test_truncated_files_are_refused(size: int, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(small_model().SerializeToString()[:size])
    with pytest.raises(ModelFileError, match=r"model\.onnx (is no ONNX model|must be an ONNX mod)"):
        import_qonnx(path)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.onnx"):
        with pytest.raises(ModelFileError, match=r" is no file$"):
            import_qonnx(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room
    with pytest.raises(ModelFileError, match=r" must have at most 1073741824 bytes$"):
        import_qonnx(path)


def test_graphs_in_graphs_are_not_followed(tmp_path: Path) -> None:
    proto = small_model()
    nested(proto)
    import_qonnx(save(proto, tmp_path))


def test_values_beside_the_model_are_read_and_kept(folder: Path) -> None:
    proto = small_model()
    (folder / "values").write_bytes(b"....\0\0\0>")
    external(constant(proto), location="values", offset=4, length=4)
    imported = import_qonnx(save(proto, folder))
    assert imported.model.constants["c0"] == np.float32(0.125)
    kept = folder / "kept.onnx"
    kept.write_bytes(imported.model.content)
    assert read_model(kept).constants["c0"] == np.float32(0.125)


def test_constants_of_all_types_and_forms_are_read(tmp_path: Path) -> None:
    proto = small_model()
    types = ("float16", "bool", "uint8", "int8")
    for name in (*types, "uint16", "int16", "int32", "int64", "float32", "float64", "uint32"):
        values = np.array([[1, 0], [3, 2]], name)
        number = helper.np_dtype_to_tensor_dtype(values.dtype)
        proto.graph.initializer.append(numpy_helper.from_array(values, f"raw {name}"))
        flat = values.reshape(-1).tolist()
        proto.graph.initializer.append(helper.make_tensor(f"typed {name}", number, [2, 2], flat))
    constants = read_model(save(proto, tmp_path)).constants
    for name, values in constants.items():
        if " " in name:
            wanted = np.array([[1, 0], [3, 2]], name.split()[1])
            assert values.dtype == wanted.dtype, name
            assert np.array_equal(values, wanted), name


def test_names_of_any_characters_are_shown_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proto = small_model()
    proto.graph.node[0].name = "\u2028\x1b[31m*/\n' Größe" * 40
    rounding = next(a for a in proto.graph.node[0].attribute if a.name == "rounding_mode")
    rounding.s = b"\xff\xfe"
    path = save(proto, tmp_path)
    assert main(["import", str(path), "-o", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.isascii()
    assert error.startswith("error: node \"\\u2028\\x1b[31m*/\\n' Gr\\xf6\\xdfe")
    assert not (tmp_path / "run").exists()


def test_names_of_any_characters_do_no_harm(tmp_path: Path) -> None:
    proto = small_model()
    for number, node in enumerate(proto.graph.node):
        node.name = f'*/ \n"{number}" \u00e4\u2028'
    network = check_equal(save(proto, tmp_path), "int8/16", images=2).network
    origins = "".join(node.origin for node in network.nodes)
    assert origins.isascii()
    assert origins.isprintable()
    assert '"' not in origins


def test_nodes_in_any_order_make_the_same_network(tmp_path: Path) -> None:
    proto = small_model()
    straight = import_qonnx(save(proto, tmp_path)).network
    nodes = list(proto.graph.node)
    random.Random(3).shuffle(nodes)
    proto.graph.ClearField("node")
    proto.graph.node.extend(nodes)
    shuffled = import_qonnx(save(proto, tmp_path)).network
    kinds: list[list[TensorType]] = [list(n.types.values()) for n in (straight, shuffled)]
    assert kinds[0] == kinds[1]


def messages(proto: object) -> Iterator[tuple[object, object]]:
    """Every field that is set in ``proto`` and in what it holds, with the message it is in."""
    for field, value in proto.ListFields():  # type: ignore[attr-defined]
        yield proto, field
        parts = value if field.is_repeated else [value]
        if field.type == field.TYPE_MESSAGE:
            for part in parts:
                yield from messages(part)


NUMBERS = (0, 1, -1, 2, 7, 255, 1 << 20, 1 << 31, (1 << 63) - 1, -(1 << 63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 3e38, float("inf"), float("-inf"), float("nan"))
TEXTS = ("", "x", "c0", "quant0_0", "Quant", "MatMul", "Relu", "Gemm", "..", "\n", "SAME_UPPER")


def changed(rng: random.Random, proto: onnx.ModelProto) -> None:
    """Change one field, anywhere."""
    message, field = rng.choice(list(messages(proto)))
    kinds = {
        field.TYPE_STRING: TEXTS,
        field.TYPE_BYTES: (*(text.encode() for text in TEXTS), b"\xff" * 4, b"\0\0\x80?"),
        **dict.fromkeys((field.TYPE_FLOAT, field.TYPE_DOUBLE), FLOATS),
    }
    options = kinds.get(field.type, NUMBERS)
    repeated = field.is_repeated
    values = getattr(message, field.name)
    choice = rng.randrange(4)
    if choice == 0:
        message.ClearField(field.name)
    elif field.type == field.TYPE_MESSAGE:
        if repeated and choice == 1:
            values.append(rng.choice(list(values)))
        elif repeated:
            del values[rng.randrange(len(values))]
    else:
        try:
            if not repeated:
                setattr(message, field.name, rng.choice(options))
            elif choice == 1:
                values.append(rng.choice(options))
            elif choice == 2:
                del values[rng.randrange(len(values))]
            else:
                values[rng.randrange(len(values))] = rng.choice(options)
        except ValueError:
            return  # a number that the field cannot have


def imports_or_refuses(path: Path) -> None:
    """Import ``path``: a network, or one line; in no more than a few seconds."""
    start = time.monotonic()
    try:
        import_qonnx(path, "int8")
    except XnorflowError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both ends are fine
        assert str(error).isprintable()  # noqa: PT017
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("seed", range(150))
def test_changed_fields_are_imported_or_refused(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    proto = small_model()
    for _ in range(rng.randrange(1, 4)):
        changed(rng, proto)
    imports_or_refuses(save(proto, tmp_path))


@settings(
    max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_changed_bytes_are_imported_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(small_model().SerializeToString())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(content))
    imports_or_refuses(path)
