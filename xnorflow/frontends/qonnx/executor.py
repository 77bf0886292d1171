# SPDX-License-Identifier: Apache-2.0
"""The file as QONNX's own executor computes it, in float32: what an import is compared with."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ToolError
from xnorflow.frontends.qonnx.importer import ImportedNetwork
from xnorflow.frontends.qonnx.value import Value
from xnorflow.ir import ArgMax

__all__ = ["Executor"]

Edges = dict[str, NDArray[np.int64]]

NOT_WHOLE = np.iinfo(np.int64).min
"""Stands for a value that is no whole multiple of its scale, so that it differs from all others."""


class Executor:
    """Runs the file of an imported network, image by image, with QONNX and ONNX Runtime.

    Parameters
    ----------
    imported
        The network and its file.

    Raises
    ------
    ToolError
        If the packages qonnx or onnxruntime are not installed, or cannot run the file.
    """

    def __init__(self, imported: ImportedNetwork) -> None:
        self.imported = imported
        try:
            self.execute = importlib.import_module("qonnx.core.onnx_exec").execute_onnx
            wrapper = importlib.import_module("qonnx.core.modelwrapper").ModelWrapper
            shapes = importlib.import_module("qonnx.transformation.infer_shapes").InferShapes
            fold = importlib.import_module("qonnx.transformation.general")
        except ModuleNotFoundError as error:
            package = str(error.name).partition(".")[0]
            raise ToolError(
                f"{package} is not installed (pip install qonnx onnxruntime)"
            ) from error
        with failing("cannot be prepared"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = wrapper(imported.model.content)
            set_batch_of_one(model.graph, imported.model.input)
            for name, shape in imported.shapes.items():
                model.set_tensor_shape(name, list(shape))
            model = model.transform(fold.GiveUniqueNodeNames(), make_deepcopy=False)
            self.model = model.transform(shapes(), make_deepcopy=False)

    def run(self, frame: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """All tensors of the file for one frame of the network."""
        given = self.imported.model_input(frame[np.newaxis])
        with failing("fails"), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            tensors: dict[str, NDArray[Any]] = self.execute(
                self.model, {self.imported.model.input: given}, return_full_exec_context=True
            )
        return tensors

    def edges(self, frames: NDArray[Any]) -> Edges:
        """The integers on edges of the network, as far as the file has tensors of them.

        Parameters
        ----------
        frames
            Shape ``(n, height, width, channels)``.

        Returns
        -------
        dict
            int64 of shape ``(n, size)`` by name of the edge.
        """
        each = [self.frame_edges(frame) for frame in frames]
        return {name: np.stack([edges[name] for edges in each]) for name in each[0]}

    def frame_edges(self, frame: NDArray[Any]) -> Edges:
        """As :meth:`edges`, of one frame."""
        tensors = self.run(frame)
        edges: Edges = {}
        for node in self.imported.network.nodes:
            if isinstance(node, ArgMax):
                edges[node.name] = self.labels(node, tensors)
            elif node.name in self.imported.tensors:
                name, value = self.imported.tensors[node.name]
                if name in tensors:
                    edges[node.name] = codes(value, tensors[name], self.imported.double)
        return edges

    def labels(self, node: ArgMax, tensors: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
        """The labels of the file, or those of its scores."""
        given = self.imported.ending.label_tensor
        if given:
            return np.asarray(tensors[given], np.int64).reshape(-1)
        scores = np.asarray(tensors[self.imported.ending.tensor], np.float64).reshape(-1)
        return np.argsort(-scores, kind="stable")[: node.k]


class failing:  # noqa: N801 - reads as a statement
    """Context in which whatever goes wrong in QONNX becomes a :class:`ToolError`."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, ToolError):
            reason = " ".join(str(error).split())[:200]
            raise ToolError(f"the model {self.what} in QONNX's executor: {reason}") from error


def set_batch_of_one(graph: Any, name: str) -> None:
    """Make the batch of the input ``name`` one image, and forget what is said of other shapes."""
    for given in graph.input:
        if given.name == name:
            dimension = given.type.tensor_type.shape.dim[0]
            dimension.Clear()
            dimension.dim_value = 1
    del graph.value_info[:]


def codes(value: Value, tensor: NDArray[Any], rounded: bool) -> NDArray[np.int64]:
    """The integers of which ``tensor`` has the multiples, in the order of the edge.

    Parameters
    ----------
    rounded
        Whether the nearest multiples count, as the scale is no power of two.
    """
    on_edge = np.empty(value.place.size, np.float64)
    on_edge[value.place.reshape(-1)] = np.asarray(tensor, np.float64).reshape(-1)
    quotients = on_edge.reshape(-1, value.channels) / value.scale
    whole = np.rint(quotients)
    exact = ((whole == quotients) | rounded) & (np.abs(whole) < 2.0**53)
    return np.where(exact, whole, NOT_WHOLE).astype(np.int64).reshape(-1)
