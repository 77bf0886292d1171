# SPDX-License-Identifier: Apache-2.0
"""The values of the PyTorch network on every edge of its integer network.

Taken from the outputs of the modules by hooks while the network runs, and divided by scales that
the modules state: independent of how lowering found weights and thresholds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xnorflow.errors import ArtifactError, MismatchError
from xnorflow.ir import (
    Add,
    ArgMax,
    Concat,
    Conv,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    Network,
    Node,
    SumPool,
    Thermometer,
    Threshold,
    load_graph,
)
from xnorflow.quant.checkpoint import load_model
from xnorflow.quant.evaluate import pixels_to_torch, predict_labels
from xnorflow.quant.lowering.calls import Call, evaluation_mode, plain_tensor, watching
from xnorflow.quant.lowering.images import hardware_order
from xnorflow.quant.lowering.kinds import is_layer
from xnorflow.quant.lowering.pools import average_divisor

__all__ = ["TorchTracer", "predict"]

BATCH_IMAGES = 500
BATCH_VALUES = 1 << 24
PIXEL_SCALE = 2.0**-8

Edges = dict[str, NDArray[np.int64]]


class TorchTracer:
    """Runs a PyTorch network and gives what flows on the edges of its integer network.

    Parameters
    ----------
    model
        The PyTorch network.
    network
        Says which edge is made by which call (``origin``); none of its constants is used.
    """

    def __init__(self, model: nn.Module, network: Network) -> None:
        self.model = model
        self.network = network
        self.modules = dict(model.named_modules())
        self.scales: dict[str, NDArray[np.float64]] = {}
        self.columns: dict[str, NDArray[np.int64] | None] = {}
        for node in network.nodes[:-1]:
            self.scales[node.name] = self.scale(node)
            self.columns[node.name] = self.columns_of(node)

    @classmethod
    def load(cls, folder: Path) -> TorchTracer:
        """Tracer of the network in ``folder`` (``RUN/model``)."""
        if not (folder / "network.json").exists() and (folder / "checkpoint.pt").exists():
            raise ArtifactError(
                f"{folder} holds a floating-point baseline: it has no integer network to compare"
            )
        return cls(load_model(folder), load_graph(Network, folder))

    def edges(self, images: NDArray[np.uint8]) -> Edges:
        """Integers on every edge.

        Parameters
        ----------
        images
            uint8, shape ``(n, height, width, channels)``.

        Returns
        -------
        dict
            int64 of shape ``(n, *shape of the edge)`` by name of the edge.

        Raises
        ------
        MismatchError
            If a value is no whole multiple of its scale: the network is not exact.
        """
        values = sum(tensor.size for tensor in self.network.types.values())
        batch = max(1, min(BATCH_IMAGES, BATCH_VALUES // values))
        parts = [
            self.batch_edges(images[start : start + batch])
            for start in range(0, max(1, len(images)), batch)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def batch_edges(self, images: NDArray[np.uint8]) -> Edges:
        """As :meth:`edges`, in one batch."""
        pixels = torch.from_numpy(pixels_to_torch(images)).float() * PIXEL_SCALE
        outputs, scores = self.run(pixels)
        edges: Edges = {}
        for node in self.network.nodes:
            if isinstance(node, ArgMax):
                order = np.argsort(-scores.double().numpy(), axis=1, kind="stable")
                edges[node.name] = order[:, : node.k].astype(np.int64)
            elif isinstance(node, Flatten):
                edges[node.name] = edges[node.inputs[0]].reshape(
                    len(images), self.network.types[node.name].size
                )
            else:
                value = pixels if isinstance(node, Input) else outputs[node.origin]
                edges[node.name] = self.codes(node, value)
        return edges

    def run(self, pixels: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Outputs of the calls that make edges, by path, and the scores."""
        keeper = Keeper({node.origin for node in self.network.nodes})
        with (
            evaluation_mode(self.model),
            torch.no_grad(),
            watching(self.model, is_layer, keeper),
        ):
            scores = plain_tensor(self.model(pixels))
        return keeper.outputs, scores

    def codes(self, node: Node[Any], value: Tensor) -> NDArray[np.int64]:
        """The integers of which ``node`` is said to give ``value``."""
        array = self.in_hardware_order(node, value.numpy())
        if isinstance(node, SumPool):
            return self.sums(node, array)
        quotients = array / self.scales[node.name]
        codes = np.rint(quotients)
        if not np.array_equal(codes, quotients):
            raise not_whole(node)
        return codes.astype(np.int64)

    def sums(self, node: SumPool, averages: NDArray[np.float32]) -> NDArray[np.int64]:
        """The sums of which ``averages`` are the quotients, as float32 rounds them."""
        divisor, scale = self.divisor(node), self.scales[node.inputs[0]]
        sums = np.rint(averages.astype(np.float64) * divisor / scale)
        if not np.array_equal((sums * scale).astype(np.float32) / np.float32(divisor), averages):
            raise not_whole(node)
        return sums.astype(np.int64)

    def divisor(self, node: SumPool) -> int:
        """By what the average pool that makes ``node`` divides."""
        source = self.network.types[node.inputs[0]].shape
        return average_divisor(self.module(node), source)

    def in_hardware_order(self, node: Node[Any], value: NDArray[np.float32]) -> NDArray[np.float32]:
        """``value`` as the edge has it, with channels last where PyTorch has them first."""
        shape = self.network.types[node.name].shape
        columns = self.columns.get(node.name)
        if columns is not None:
            return value[:, columns]
        return np.moveaxis(value, 1, -1).reshape(len(value), *shape)

    def columns_of(self, node: Node[Any]) -> NDArray[np.int64] | None:
        """Position in PyTorch's order of each element of a flat image; else None."""
        if isinstance(node, Flatten):
            source = self.network.types[node.inputs[0]].shape
            return self.columns[node.inputs[0]] if len(source) == 1 else hardware_order(source)
        if isinstance(node, Threshold | Add):
            return self.columns[node.inputs[0]]
        return None

    def scale(self, node: Node[Any]) -> NDArray[np.float64]:
        """Scale of an edge, as the modules state it."""
        if isinstance(node, Input):
            return np.array([PIXEL_SCALE])
        source = self.scales[node.inputs[0]]
        match node:
            case Threshold():
                return as_row(self.module(node).act_quant.scale())
            case MatMul() | Conv() | Depthwise():
                return as_row(self.module(node).quant_weight().scale) * source
            case SumPool():
                return source / self.divisor(node)
            case Add():
                return np.minimum(source, self.scales[node.inputs[1]])
            case Thermometer():
                return np.array([1.0])
            case Concat():
                return source[:1]
            case Flatten() if len(source) > 1:
                size = self.network.types[node.name].size
                return np.tile(source, size // len(source))
        return source

    def module(self, node: Node[Any]) -> Any:
        """The module that makes ``node``."""
        return self.modules[node.origin.partition(":")[0]]


class Keeper:
    """Keeps what layers give.

    Parameters
    ----------
    paths
        Of the calls whose outputs are wanted.
    """

    def __init__(self, paths: set[str]) -> None:
        self.paths = paths
        self.outputs: dict[str, Tensor] = {}

    def enter(self, call: Call) -> None:
        """Nothing is kept of what a layer reads."""

    def leave(self, call: Call, output: Tensor) -> None:
        """Keep the output of a call, as it is now."""
        if call.path in self.paths:
            self.outputs[call.path] = output.clone()

    def computed(self, name: str, output: Tensor) -> None:
        """Nothing is kept of what no layer computes."""

    def left_unknown(self, call: Call, output: Any) -> None:
        """Nothing is kept of what no layer computes."""


def as_row(scale: Tensor) -> NDArray[np.float64]:
    """``scale`` as one axis."""
    row: NDArray[np.float64] = scale.detach().double().numpy().reshape(-1)
    return row


def not_whole(node: Node[Any]) -> MismatchError:
    """An error that says that the module of ``node`` is not exact."""
    return MismatchError(
        f"module {node.origin!r} gives values that are no whole multiples of its scale "
        f"(edge {node.name!r})"
    )


def predict(folder: Path, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The class of each image by the PyTorch network in ``folder``, shape ``(n,)``.

    Parameters
    ----------
    folder
        ``RUN/model``; a floating-point baseline as well.
    images
        uint8, shape ``(n, height, width, channels)``.
    """
    return predict_labels(load_model(folder), images)
