# SPDX-License-Identifier: Apache-2.0
"""An ONNX file, read and checked: nodes in an order in which they can be computed.

Nothing in a file is trusted: sizes are checked before memory is taken, no file outside of the
model's folder is read, and whatever breaks a rule is refused in one line.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import LoweringError, ModelFileError, ToolError
from xnorflow.frontends.qonnx.tensors import embed_external, tensor_array, tensor_label, text

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

__all__ = ["Model", "OnnxNode", "read_model"]

MAX_BYTES = 1 << 30
"""Largest file, and most bytes of all constants together."""

MAX_NODES = 1 << 16

STANDARD = ("", "ai.onnx")
"""Domains of ONNX's own operators."""

QUANTIZED = (
    *("onnx.brevitas", "qonnx", "qonnx.custom_op.general", "qonnx.custom_op.channels_last"),
    *("finn", "finn.custom_op.general"),
)
"""Domains of QONNX's operators, the older names too."""

Array = NDArray[Any]


def plain_text(name: str) -> str:
    """``name`` in letters, digits and few other characters, not too long."""
    return re.sub(r"[^A-Za-z0-9_./:\- ]", "?", name[:80])


@dataclass(frozen=True, slots=True, eq=False)
class OnnxNode:
    """A node of the file.

    Parameters
    ----------
    op
        Operator.
    domain
        ``""`` for an operator of ONNX, ``"qonnx"`` for one of QONNX, else as in the file.
    name
        Name in the file, or that of its first output.
    inputs, outputs
        Names of tensors; ``""`` where one is left out.
    attributes
        Numbers, text, tuples of them, or arrays, by name; ``None`` for others.
    version
        Version of the operators of its domain; 1 where the file does not say.
    """

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    version: int = 1

    @property
    def origin(self) -> str:
        """Its name in plain characters, for nodes of the integer network."""
        return plain_text(self.name)

    def __str__(self) -> str:
        return f"{tensor_label(self.name)} ({plain_text(self.op)})"

    def fail(self, rule: str) -> LoweringError:
        """An error that says which rule this node breaks."""
        return LoweringError(f"node {self} {rule}")

    def integer(self, name: str, default: int) -> int:
        """The attribute ``name``, which must be a whole number."""
        value = self.attributes.get(name, default)
        if type(value) is not int:
            raise self.fail(f"must have a whole number as its attribute {name!r}")
        return value

    def integers(self, name: str, default: Iterable[int] = ()) -> tuple[int, ...]:
        """The attribute ``name``, which must be whole numbers."""
        value = self.attributes.get(name, tuple(default))
        if not isinstance(value, tuple) or not all(type(item) is int for item in value):
            raise self.fail(f"must have whole numbers as its attribute {name!r}")
        return value

    def number(self, name: str, default: float) -> float:
        """The attribute ``name``, which must be a finite number."""
        value = self.attributes.get(name, default)
        if type(value) not in (int, float) or not np.isfinite(value):
            raise self.fail(f"must have a finite number as its attribute {name!r}")
        return float(value)

    def word(self, name: str, default: str) -> str:
        """The attribute ``name``, which must be text."""
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            raise self.fail(f"must have text as its attribute {name!r}")
        return value


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model with one input that is no constant.

    Parameters
    ----------
    nodes
        In an order in which they can be computed.
    constants
        Arrays by the name of the tensor.
    input
        Name of the tensor that is given.
    input_shape
        Its shape, the batch first; -1 for a size that is free.
    outputs
        Names of the tensors that the model gives.
    annotations
        QONNX's element type of tensors that have one.
    opset
        Version of ONNX's operators.
    content
        The model as one file, with all of its values.
    """

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, Array]
    input: str
    input_shape: tuple[int, ...]
    outputs: tuple[str, ...]
    annotations: Mapping[str, str]
    opset: int
    content: bytes

    def readers(self, tensor: str) -> Iterator[OnnxNode]:
        """The nodes that read ``tensor``."""
        return (node for node in self.nodes if tensor in node.inputs)


def read_model(path: Path) -> Model:
    """The model in the ONNX file ``path``.

    Raises
    ------
    ModelFileError
        If the file is missing or corrupt, or describes no graph with one input.
    ToolError
        If the package onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ModuleNotFoundError as error:
        raise ToolError(f"{error.name} is not installed: pip install 'xnorflow[qonnx]'") from error
    content = read_bytes(path)
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(content)
        return checked_model(proto, content, path)
    except (DecodeError, UnicodeError) as error:
        raise ModelFileError(f"{path} is no ONNX model, or is truncated") from error


def read_bytes(path: Path) -> bytes:
    """The content of the regular file ``path``."""
    try:
        if not path.is_file():
            raise ModelFileError(f"{path} is no file")
        if path.stat().st_size > MAX_BYTES:
            raise ModelFileError(f"{path} must have at most {MAX_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}") from error


def checked_model(proto: ModelProto, content: bytes, path: Path) -> Model:
    """The model that ``proto`` describes."""
    graph = proto.graph
    if not graph.node or len(graph.node) > MAX_NODES:
        raise ModelFileError(
            f"{path} must be an ONNX model of 1 to {MAX_NODES} nodes, not {len(graph.node)}"
        )
    if graph.sparse_initializer:
        raise ModelFileError(f"{path} must have dense constants, not sparse ones")
    if embed_all(graph, path.parent):
        content = proto.SerializeToString(deterministic=True)
    constants = unique(((text(t.name), tensor_array(t)) for t in graph.initializer), "constant")
    given = [value for value in graph.input if text(value.name) not in constants]
    if len(given) != 1:
        names = ", ".join(tensor_label(text(value.name)) for value in given[:4])
        raise ModelFileError(f"{path} must have one input, not {len(given)} ({names})")
    shape = tuple(
        dimension.dim_value if dimension.HasField("dim_value") else -1
        for dimension in given[0].type.tensor_type.shape.dim
    )
    versions = {text(entry.domain): entry.version for entry in proto.opset_import}
    nodes = [node_from(node, versions) for node in graph.node]
    return Model(
        nodes=in_order(nodes, {*constants, text(given[0].name)}),
        constants=constants,
        input=text(given[0].name),
        input_shape=shape,
        outputs=tuple(text(value.name) for value in graph.output),
        annotations=annotated_types(graph),
        opset=next((versions[domain] for domain in STANDARD if domain in versions), 0),
        content=content,
    )


def embed_all(graph: GraphProto, folder: Path) -> bool:
    """Move all values in other files into ``graph``; whether there were any."""
    found = False
    total = 0
    for tensor in constants_of(graph):
        found |= tensor.data_location != 0
        embed_external(tensor, folder)
        total += len(tensor.raw_data)
        if total > MAX_BYTES:
            raise ModelFileError(f"all constants together must have at most {MAX_BYTES} bytes")
    return found


def constants_of(graph: GraphProto) -> Iterator[TensorProto]:
    """All tensors that hold values."""
    yield from graph.initializer
    for node in graph.node:
        yield from (a.t for a in node.attribute if a.HasField("t"))


def unique(pairs: Iterable[tuple[str, Any]], what: str) -> dict[str, Any]:
    """``pairs`` as a dictionary; no name may come twice."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise ModelFileError(f"{what} {tensor_label(name)} is there twice")
        result[name] = value
    return result


def annotated_types(graph: GraphProto) -> dict[str, str]:
    """QONNX's element types, by tensor."""
    return {
        text(annotation.tensor_name): text(entry.value)
        for annotation in graph.quantization_annotation
        for entry in annotation.quant_parameter_tensor_names
        if entry.key == "finn_datatype"
    }


def node_from(node: NodeProto, versions: Mapping[str, int]) -> OnnxNode:
    """A node as it is in the file."""
    domain = text(node.domain)
    version = versions.get(domain, 1)
    if domain in STANDARD or domain in QUANTIZED:
        domain = "" if domain in STANDARD else "qonnx"
    outputs = tuple(map(text, node.output))
    return OnnxNode(
        op=text(node.op_type),
        domain=domain,
        name=text(node.name) or next((name for name in outputs if name), "?"),
        inputs=tuple(map(text, node.input)),
        outputs=outputs,
        attributes=unique(((text(a.name), attribute(a)) for a in node.attribute), "attribute"),
        version=version,
    )


def attribute(given: AttributeProto) -> Any:
    """The value of an attribute; ``None`` for a graph and other kinds that no node here has."""
    kinds = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
    if given.type not in kinds:
        return None
    value = getattr(given, kinds[given.type])
    if given.type == 3:
        return text(value)
    if given.type == 4:
        return tensor_array(value)
    if given.type == 8:
        return tuple(map(text, value))
    return value if given.type in (1, 2) else tuple(value)


def in_order(nodes: list[OnnxNode], known: set[str]) -> tuple[OnnxNode, ...]:
    """``nodes`` so that each one reads what is ``known`` or made by nodes before it."""
    makers = unique(((out, i) for i, n in enumerate(nodes) for out in n.outputs if out), "tensor")
    if taken := next((name for name in makers if name in known), None):
        raise ModelFileError(f"tensor {tensor_label(taken)} is given, and made by a node too")
    waits_for = [{makers[name] for name in n.inputs if name in makers} for n in nodes]
    for node in nodes:
        for name in node.inputs:
            if name and name not in makers and name not in known:
                raise ModelFileError(f"node {node} reads {tensor_label(name)}, which nobody makes")
    readers: dict[int, list[int]] = {}
    for index, needed in enumerate(waits_for):
        for maker in needed:
            readers.setdefault(maker, []).append(index)
    ready = [index for index in range(len(nodes)) if not waits_for[index]]
    order: list[OnnxNode] = []
    while ready:
        index = heapq.heappop(ready)  # the order of the file, as far as it can be kept
        order.append(nodes[index])
        for reader in readers.get(index, ()):
            waits_for[reader].discard(index)
            if not waits_for[reader]:
                heapq.heappush(ready, reader)
    if len(order) < len(nodes):
        left = next(node for index, node in enumerate(nodes) if waits_for[index])
        raise ModelFileError(f"node {left} depends on its own output: the graph has a cycle")
    return tuple(order)
