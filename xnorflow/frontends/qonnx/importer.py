# SPDX-License-Identifier: Apache-2.0
"""From a QONNX file to exact integers.

Node by node, every tensor is known as integers times a power of two, and by the place of each
element on an edge of the integer network. Nodes that move elements change the places alone.
Elementwise nodes wait until a quantiser comes; all of them together become one
:class:`~xnorflow.ir.Threshold`, found by asking what they compute in float32
(:mod:`xnorflow.ir.ask`). Whatever cannot be exact is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import LoweringError
from xnorflow.frontends.qonnx.input_type import InputType
from xnorflow.frontends.qonnx.kinds import KINDS
from xnorflow.frontends.qonnx.model_file import Model, read_model
from xnorflow.frontends.qonnx.scores import Ending, finish
from xnorflow.frontends.qonnx.value import Value
from xnorflow.frontends.qonnx.walk import InputLayout, OtherLayout, Walk, input_layout
from xnorflow.ir import Network, Node

__all__ = ["ImportedNetwork", "import_model", "import_qonnx"]

DEFAULT_INPUT = "uint8/255"
"""Pixels from 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class ImportedNetwork:
    """A network from a QONNX file.

    Parameters
    ----------
    network
        The integer network.
    model
        The file.
    input_type
        What the input was taken for.
    layout
        Which elements of the model's input are where in an image.
    double
        Whether float64 was the definition.
    tensors
        By edge of the network: name and value of a tensor of the file that has just its integers,
        times a scale.
    shapes
        By tensor of the file: its shape, with a batch of 1.
    ending
        What the network gives.
    """

    network: Network
    model: Model
    input_type: InputType
    layout: InputLayout
    double: bool
    tensors: dict[str, tuple[str, Value]]
    shapes: dict[str, tuple[int, ...]]
    ending: Ending

    def model_input(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        """What the model takes for ``frames`` of the network.

        Parameters
        ----------
        frames
            Shape ``(n, height, width, channels)``.

        Returns
        -------
        ndarray
            float32 of the shape of the model's input, with a batch of ``n``.
        """
        flat = frames.reshape(len(frames), -1).astype(np.float32)
        ordered = np.empty_like(flat)
        ordered[:, self.layout.order] = flat
        divided = ordered / np.float32(self.input_type.divisor)
        return divided.reshape(len(frames), *self.model.input_shape[1:])

    def scores(self, integers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The model's scores, for integers of the edge of the scores, shape ``(n, classes)``."""
        result: NDArray[np.float32] = self.ending.scores.ask(integers, np.float32)
        return np.broadcast_to(result, integers.shape)


def import_qonnx(
    path: str | Path, input_type: str | None = None, *, double: bool = False
) -> ImportedNetwork:
    """The integer network that computes what the QONNX file ``path`` computes, exactly.

    Parameters
    ----------
    path
        An ONNX file with QONNX's or FINN's quantisers.
    input_type
        What the integers of the input are, ``TYPE`` or ``TYPE/DIVISOR``: ``uint8/255`` and
        ``uint8/256`` are pixels from 0 to 1, ``uint8``, ``int8``, ``bipolar`` the integers
        themselves. By default the type that the file states of its input, else ``uint8/255``.
    double
        Whether ``scale * integer`` in float64 is the definition where scales are no powers of two.

    Raises
    ------
    ConfigError
        If ``input_type`` is none.
    ModelFileError
        If the file is missing, corrupt or inconsistent.
    LoweringError
        If the network has no exact integer form, with the node, the tensor and the reason.
    ToolError
        If the package onnx is not installed.
    """
    return import_model(read_model(Path(path)), input_type, double=double)


def import_model(
    model: Model, input_type: str | None = None, *, double: bool = False
) -> ImportedNetwork:
    """As :func:`import_qonnx`, of a model that was read."""
    kind = InputType.parse(input_type or stated_input(model))
    layout = input_layout(model)
    try:
        return walked(model, kind, layout, double)
    except OtherLayout as wanted:
        try:
            return walked(model, kind, wanted.layout, double)
        except OtherLayout as error:
            raise LoweringError(
                f"the input {model.input!a} must be read in one order of its axes, not in two"
            ) from error


def stated_input(model: Model) -> str:
    """The input type by the file's annotation, or the default."""
    name = model.annotations.get(model.input, "")
    known = {"BINARY": "UINT1"}.get(name, name)
    return DEFAULT_INPUT if known in ("", "FLOAT32") else known


def walked(model: Model, kind: InputType, layout: InputLayout, double: bool) -> ImportedNetwork:
    """The network, with its input laid out as ``layout`` says."""
    walk = Walk(model, kind, layout, double=double)
    for node in needed(model):
        walk.take(node, KINDS)
    ending = finish(walk)
    network = Network(alive(walk.nodes))
    return ImportedNetwork(
        network=network,
        model=model,
        input_type=kind,
        layout=layout,
        double=double,
        tensors=tensors_of_edges(walk, network),
        shapes={
            name: tensor.shape for name, tensor in walk.tensors.items() if isinstance(tensor, Value)
        },
        ending=ending,
    )


def needed(model: Model) -> list[Any]:
    """The nodes that an output depends on, in their order."""
    wanted = set(model.outputs)
    kept = []
    for node in reversed(model.nodes):
        if not wanted.isdisjoint(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
    return kept[::-1]


def alive(nodes: list[Node[Any]]) -> tuple[Node[Any], ...]:
    """The nodes that the last one depends on, in their order."""
    wanted = {nodes[-1].name}
    for node in reversed(nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
    return tuple(node for node in nodes if node.name in wanted)


def tensors_of_edges(walk: Walk, network: Network) -> dict[str, tuple[str, Value]]:
    """For each edge a tensor that has its integers, times a scale, if there is one."""
    found: dict[str, tuple[str, Value]] = {}
    for name, tensor in walk.tensors.items():
        if isinstance(tensor, Value) and not tensor.waiting and tensor.edge in network.types:
            found.setdefault(tensor.edge, (name, tensor))
    return found
