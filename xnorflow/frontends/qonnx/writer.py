# SPDX-License-Identifier: Apache-2.0
"""A QONNX graph as it is written: integers in float32 tensors, with the type of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ExportError, ToolError
from xnorflow.ir import DataType, Network, Node, TensorType
from xnorflow.ir.exact import EXACT_BELOW

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["GraphWriter", "channels_second", "refused"]

OPSET = 13
"""Version of ONNX's operators: FINN takes 11 and up."""

IR_VERSION = 7
"""Version of the file format that came with it."""

QONNX = "qonnx.custom_op.general"
"""Domain of QONNX's operators."""

FLOAT32, INT64 = 1, 7
"""ONNX's numbers of the element types of tensors."""


def channels_second(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a tensor of the file for the ``shape`` of an edge: a batch of 1, then channels.

    Examples
    --------
    >>> channels_second((28, 27, 3)), channels_second((10,))
    ((1, 3, 28, 27), (1, 10))
    """
    return (1, shape[-1], *shape[:-1])


def refused(node: Node[TensorType], rule: str) -> ExportError:
    """The error that ``node`` cannot be written, for it breaks ``rule``."""
    return ExportError(str(node.fail(rule)))


class GraphWriter:
    """Nodes, constants and types so far. Each edge of the network is the tensor of its name.

    Parameters
    ----------
    network
        What is written.

    Attributes
    ----------
    reach
        By edge: a magnitude that none of its integers exceeds, below 2**24.

    Raises
    ------
    ToolError
        If the package onnx is not installed.
    """

    def __init__(self, network: Network) -> None:
        try:
            import onnx
        except ModuleNotFoundError as error:
            raise ToolError("onnx is not installed: pip install 'xnorflow[qonnx]'") from error
        self.onnx: Any = onnx
        self.network = network
        self.reach: dict[str, int] = {}
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._infos: dict[str, Any] = {}
        self._annotations: list[Any] = []

    def declare(self, node: Node[TensorType], reach: int, number: int = FLOAT32) -> None:
        """State shape and type of the edge of ``node``.

        Parameters
        ----------
        reach
            A magnitude that none of its integers exceeds.
        number
            ONNX's number of the tensor's element type.

        Raises
        ------
        ExportError
            If ``reach`` is more than float32 holds exactly.
        """
        kind = self.network.types[node.name]
        self.check_reach(node, reach)
        self.reach[node.name] = reach
        self.state(node.name, channels_second(kind.shape), kind.element, number)

    def check_reach(self, node: Node[TensorType], reach: int, below: int = EXACT_BELOW) -> None:
        """Refuse ``node`` if ``reach`` is not ``below`` what is exact in float32."""
        if reach >= below:
            raise refused(
                node,
                f"integers must stay below 2**{below.bit_length() - 1} to be exact in QONNX's "
                f"float32, and may reach {reach}",
            )

    def state(
        self, name: str, shape: tuple[int, ...], element: DataType | None, number: int = FLOAT32
    ) -> None:
        """State the tensor ``name``: shape, QONNX's type if it has one, ONNX's type."""
        self._infos[name] = self.onnx.helper.make_tensor_value_info(name, number, shape)
        if element is not None:
            entry = self.onnx.StringStringEntryProto(key="finn_datatype", value=element.name)
            self._annotations.append(
                self.onnx.TensorAnnotation(tensor_name=name, quant_parameter_tensor_names=[entry])
            )

    def constant(self, name: str, values: NDArray[Any], element: DataType | None) -> str:
        """Add a constant and give its name.

        Parameters
        ----------
        values
            int64 values stay so, all others become float32.
        element
            QONNX's type of the values; ``None`` for shapes and the like.
        """
        whole = element is None and values.dtype == np.int64
        array = np.ascontiguousarray(values, "<i8" if whole else "<f4")
        self._constants.append(self.onnx.numpy_helper.from_array(array, name))
        self.state(name, array.shape, element, INT64 if whole else FLOAT32)
        return name

    def operate(
        self,
        op: str,
        inputs: Sequence[str],
        *outputs: str,
        domain: str = "",
        **attributes: Any,
    ) -> None:
        """Add a node called like the last of its ``outputs``."""
        self._nodes.append(
            self.onnx.helper.make_node(
                op, inputs, outputs, name=outputs[-1], domain=domain or None, **attributes
            )
        )

    def step(
        self,
        op: str,
        inputs: Sequence[str],
        output: str,
        shape: tuple[int, ...],
        element: DataType | None,
        **attributes: Any,
    ) -> str:
        """Add a node whose ``output`` is no edge of the network, and give that name."""
        self.operate(op, inputs, output, **attributes)
        self.state(output, shape, element)
        return output

    def model(self) -> ModelProto:
        """All that was written, as an ONNX model."""
        first, last = self.network.input.name, self.network.output.name
        helper = self.onnx.helper
        graph = helper.make_graph(
            nodes=self._nodes,
            name="network",
            inputs=[self._infos[first]],
            outputs=[self._infos[last]],
            initializer=self._constants,
            value_info=[i for name, i in self._infos.items() if name not in (first, last)],
        )
        graph.quantization_annotation.extend(self._annotations)
        versions = [helper.make_opsetid("", OPSET), helper.make_opsetid(QONNX, 1)]
        model: ModelProto = helper.make_model(
            graph, producer_name="xnorflow", opset_imports=versions, ir_version=IR_VERSION
        )
        return model
