# SPDX-License-Identifier: Apache-2.0
"""ONNX models written node by node, and comparison of an import with QONNX's executor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from xnorflow.frontends.qonnx.executor import Executor
from xnorflow.frontends.qonnx.importer import ImportedNetwork, import_qonnx
from xnorflow.ir import Network
from xnorflow.sim.images import random_images
from xnorflow.sim.reference import ReferenceEngine

__all__ = ["QONNX", "Builder", "check_equal", "frames_for", "random_weights"]

BREVITAS = "onnx.brevitas"
QONNX = "qonnx.custom_op.general"


class Builder:
    """A model in the making; each method gives the name of the tensor that it makes."""

    def __init__(self, *shape: int, opset: int = 13, quantizers: int = 2) -> None:
        self.shape, self.opset, self.quantizers, self.name = shape, opset, quantizers, "x"
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self.annotations: dict[str, str] = {}

    def const(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype)
        return name

    def node(self, op: str, *inputs: Any, domain: str = "", outputs: int = 1, **attrs: Any) -> str:
        names = [f"{op.lower()}{len(self.nodes)}_{i}" for i in range(outputs)]
        given = [i if isinstance(i, str) else self.const(i) for i in inputs]
        self.nodes.append(
            helper.make_node(op, given, names, name=f"n{len(self.nodes)}", domain=domain, **attrs)
        )
        return names[0]

    def quant(
        self,
        x: str | NDArray[Any],
        scale: Any = 1.0,
        bits: float = 2,
        zero: float = 0,
        domain: str = QONNX,
        **attrs: Any,
    ) -> str:
        options = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"} | attrs
        return self.node("Quant", x, scale, zero, bits, domain=domain, **options)

    def bipolar(self, x: str | NDArray[Any], scale: float = 1.0) -> str:
        return self.node("BipolarQuant", x, scale, domain=QONNX)

    def proto(self, *outputs: str) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "g",
            [helper.make_tensor_value_info(self.name, onnx.TensorProto.FLOAT, self.shape)],
            [
                helper.make_tensor_value_info(name, self.type_of(name), None)
                for name in outputs or (self.nodes[-1].output[0],)
            ],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        for tensor, datatype in self.annotations.items():
            annotation = graph.quantization_annotation.add(tensor_name=tensor)
            annotation.quant_parameter_tensor_names.add(key="finn_datatype", value=datatype)
        domains = {
            "": self.opset,
            **dict.fromkeys((node.domain for node in self.nodes), self.quantizers),
        }
        domains[""] = self.opset
        imports = [helper.make_opsetid(domain, version) for domain, version in domains.items()]
        return helper.make_model(graph, opset_imports=imports, ir_version=10)

    def type_of(self, tensor: str) -> int:
        """ONNX's number of the element type of ``tensor``."""
        maker = next(node for node in self.nodes if tensor in node.output)
        indices = maker.op_type == "ArgMax" or list(maker.output).index(tensor) == 1
        return int(onnx.TensorProto.INT64 if indices else onnx.TensorProto.FLOAT)

    def save(self, folder: Path, *outputs: str) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(self.proto(*outputs).SerializeToString())
        return path


def random_weights(low: int, high: int, *shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Integers from ``low`` to ``high``; -1 and +1 only where ``low`` is -1 and ``high`` 1."""
    rng = np.random.default_rng(seed)
    if (low, high) == (-1, 1):
        return rng.choice([-1, 1], shape).astype(np.float32)
    return rng.integers(low, high + 1, shape).astype(np.float32)


def frames_for(network: Network, count: int) -> NDArray[Any]:
    """Random frames."""
    return random_images(network, count).frames


def check_equal(
    path: Path, input_type: str | None = None, *, images: int = 8, all_edges: bool = True
) -> ImportedNetwork:
    """Import ``path`` and compare it with QONNX's executor, on every edge and in the scores."""
    imported = import_qonnx(path, input_type)
    frames = frames_for(imported.network, images)
    executor = Executor(imported)
    want = executor.edges(frames)
    got = ReferenceEngine(imported.network).edges(frames)
    assert imported.network.output.name in want or not all_edges
    for name, values in want.items():
        assert np.array_equal(values, got[name].reshape(images, -1)), name
    scores = imported.scores(got[imported.ending.scores.edge].reshape(images, -1))
    for frame, row in zip(frames[:3], scores, strict=False):
        tensors = executor.run(frame)
        given = np.asarray(tensors[imported.ending.tensor], np.float32).reshape(-1)
        assert np.array_equal(given, row), "scores"
    return imported
