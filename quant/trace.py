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
from xnorflow.ir import ArgMax, Flatten, Input, MatMul, Network, Node, Threshold, load_graph
from xnorflow.quant.chain import evaluation_mode, plain_tensor
from xnorflow.quant.checkpoint import load_model
from xnorflow.quant.train import pixels_to_torch, predict_labels

__all__ = ["TorchTracer", "predict"]

BATCH_IMAGES = 500
PIXEL_SCALE = 2.0**-8

Edges = dict[str, NDArray[np.int64]]


class TorchTracer:
    """Runs a PyTorch network and gives what flows on the edges of its integer network.

    Parameters
    ----------
    model
        The PyTorch network.
    network
        Says which edge is made by which module (``origin``); none of its constants is used.
    """

    def __init__(self, model: nn.Module, network: Network) -> None:
        self.model = model
        self.network = network
        self.modules = dict(model.named_modules())
        self.scales = self.edge_scales()

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
        parts = [
            self.batch_edges(images[start : start + BATCH_IMAGES])
            for start in range(0, max(1, len(images)), BATCH_IMAGES)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def batch_edges(self, images: NDArray[np.uint8]) -> Edges:
        """As :meth:`edges`, in one batch."""
        pixels = torch.from_numpy(pixels_to_torch(images)).float() * PIXEL_SCALE
        outputs, scores = self.run(pixels)
        edges: Edges = {}
        for node in self.network.nodes:
            edges[node.name] = self.edge(node, edges, outputs, pixels, scores)
        return edges

    def run(self, pixels: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Outputs of the modules that make edges, by path, and the scores."""
        outputs: dict[str, Tensor] = {}
        handles = [
            self.modules[path].register_forward_hook(keep_output(outputs, path))
            for path in {node.origin for node in self.network.nodes if node.origin}
        ]
        try:
            with evaluation_mode(self.model), torch.no_grad():
                scores = plain_tensor(self.model(pixels))
        finally:
            for handle in handles:
                handle.remove()
        return outputs, scores

    def edge(
        self,
        node: Node[Any],
        edges: Edges,
        outputs: dict[str, Tensor],
        pixels: Tensor,
        scores: Tensor,
    ) -> NDArray[np.int64]:
        """Integers that ``node`` makes, from the outputs of the modules."""
        if isinstance(node, ArgMax):
            order = np.argsort(-scores.double().numpy(), axis=1, kind="stable")
            return order[:, : node.k].astype(np.int64)
        if isinstance(node, Flatten) and not node.origin:
            return edges[node.inputs[0]].reshape(len(pixels), -1)
        value = pixels if isinstance(node, Input) else outputs[node.origin]
        codes = whole_numbers(value, self.scales[node.name], node)
        return self.in_hardware_order(codes, node)

    def in_hardware_order(self, codes: NDArray[np.int64], node: Node[Any]) -> NDArray[np.int64]:
        """``codes`` with channels last, where PyTorch has them first."""
        shape = self.network.types[node.name].shape
        if codes.ndim == 4:
            return np.moveaxis(codes, 1, -1)
        image = self.image_shape_before(node)
        if image is None or image[-1] == 1:
            return codes.reshape(len(codes), *shape)
        height, width, channels = image
        planes = codes.reshape(len(codes), channels, height, width)
        return np.moveaxis(planes, 1, -1).reshape(len(codes), *shape)

    def image_shape_before(self, node: Node[Any]) -> tuple[int, ...] | None:
        """Shape of the image that ``node`` gives as a vector, if no linear layer came between."""
        while not isinstance(node, (Input, MatMul)):
            node = self.network.node(node.inputs[0])
        return self.network.types[node.name].shape if isinstance(node, Input) else None

    def edge_scales(self) -> dict[str, NDArray[np.float64]]:
        """Scale of each edge, as the modules state it."""
        scales: dict[str, NDArray[np.float64]] = {}
        for node in self.network.nodes:
            module: Any = self.modules.get(node.origin)
            if isinstance(node, Input):
                scales[node.name] = np.array([PIXEL_SCALE])
            elif isinstance(node, Threshold):
                scales[node.name] = as_row(module.act_quant.scale())
            elif isinstance(node, MatMul):
                weight_scale = as_row(module.quant_weight().scale)
                scales[node.name] = weight_scale * scales[node.inputs[0]]
            elif isinstance(node, Flatten):
                scales[node.name] = scales[node.inputs[0]]
        return scales


def keep_output(outputs: dict[str, Tensor], path: str) -> Any:
    """Hook that puts a module's output into ``outputs``."""

    def hook(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        outputs[path] = plain_tensor(output).clone()

    return hook


def as_row(scale: Tensor) -> NDArray[np.float64]:
    """``scale`` as one axis."""
    return scale.detach().double().numpy().reshape(-1)


def whole_numbers(value: Tensor, scale: NDArray[np.float64], node: Node[Any]) -> NDArray[np.int64]:
    """``value / scale`` as integers."""
    quotients = value.double().numpy() / scale
    codes = np.rint(quotients)
    if not np.array_equal(codes, quotients):
        raise MismatchError(
            f"module {node.origin!r} gives values that are no whole multiples of its scale "
            f"(edge {node.name!r})"
        )
    return codes.astype(np.int64)


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
