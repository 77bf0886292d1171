# SPDX-License-Identifier: Apache-2.0
"""Plans: the steps that compute the edges of a network for a chunk of images.

The plain plan runs each node's kernel on int64 values. The fast plan fuses a product with the
threshold that alone reads it and lets activations stay packed bits or bytes; a kind of node
without a fast form runs its kernel there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import (
    Flatten,
    MatMul,
    Network,
    Node,
    TensorType,
    Threshold,
    ThresholdTable,
)
from xnorflow.sim.reference.formats import Format, conversion, threshold_packer
from xnorflow.sim.reference.kernels import make_kernel
from xnorflow.sim.reference.products import Product, make_product

__all__ = ["Step", "fast_plan", "plain_plan", "run_plan"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Step:
    """Compute the array ``output`` from the arrays ``inputs``, all by name."""

    output: str
    inputs: tuple[str, ...]
    function: Callable[..., Array]


def run_plan(steps: Iterable[Step], images: Array, first: str) -> dict[str, Array]:
    """All arrays that ``steps`` make; ``images`` are the array called ``first``."""
    arrays = {first: images}
    for step in steps:
        arrays[step.output] = step.function(*(arrays[name] for name in step.inputs))
    return arrays


def plain_plan(network: Network) -> tuple[Step, ...]:
    """A step for each node but the input; arrays bear the names of the edges, as VALUES."""
    return tuple(
        Step(
            node.name,
            node.inputs,
            make_kernel(node, network.input_types(node), network.types[node.name]),
        )
        for node in network.nodes[1:]
    )


def fast_plan(network: Network, source: Format) -> tuple[Step, ...]:
    """Steps from the input in format ``source`` to the output edge as VALUES.

    The arrays are called ``EDGE.FORMAT``.
    """
    planner = Planner(network)
    planner.formats[network.input.name] = [source]
    for node in network.nodes[1:]:
        if node.name not in planner.formats:
            FAST.get(type(node), plan_kernel)(planner, node)
    planner.held(network.output.name, Format.VALUES)
    return tuple(planner.steps)


@dataclass(slots=True)
class Planner:
    """Steps so far, and the formats in which each edge is held already, the native one first."""

    network: Network
    steps: list[Step] = field(default_factory=list)
    formats: dict[str, list[Format]] = field(default_factory=dict)

    def type_of(self, edge: str) -> TensorType:
        """Type of ``edge``."""
        return self.network.types[edge]

    def held(self, edge: str, target: Format) -> str:
        """Name of the array that holds ``edge`` in format ``target``, converted if need be."""
        formats = self.formats[edge]
        name = f"{edge}.{target}"
        if target not in formats:
            kind = self.type_of(edge)
            convert = conversion(formats[0], target, kind.element, kind.size)
            self.steps.append(Step(name, (f"{edge}.{formats[0]}",), convert))
            formats.append(target)
        return name

    def add(
        self, edge: str, native: Format, inputs: tuple[str, ...], function: Callable[..., Array]
    ) -> None:
        """Make ``edge`` in format ``native`` from arrays ``inputs``."""
        self.steps.append(Step(f"{edge}.{native}", inputs, function))
        self.formats[edge] = [native]

    def fused_threshold(self, node: Node[TensorType]) -> Threshold | None:
        """The threshold node that is the only reader of ``node``, if there is one."""
        readers = self.network.readers(node.name)
        if len(readers) == 1 and isinstance(readers[0], Threshold):
            return readers[0]
        return None


def plan_kernel(planner: Planner, node: Node[TensorType]) -> None:
    """Run the kernel of ``node`` on int64 values."""
    inputs = tuple(planner.held(edge, Format.VALUES) for edge in node.inputs)
    types = planner.network.input_types(node)
    kernel = make_kernel(node, types, planner.type_of(node.name))
    planner.add(node.name, Format.VALUES, inputs, kernel)


def plan_flatten(planner: Planner, node: Flatten) -> None:
    """Nothing moves: every format holds a frame in row-major order."""
    (edge,) = node.inputs
    native = planner.formats[edge][0]
    planner.add(node.name, native, (f"{edge}.{native}",), lambda x: x)


def plan_matmul(planner: Planner, node: MatMul) -> None:
    """A product, with the thresholds behind it where they alone read it."""
    (edge,) = node.inputs
    product = make_product(node, planner.type_of(edge), planner.type_of(node.name))
    if product is None:
        plan_kernel(planner, node)
        return
    inputs = (planner.held(edge, product.format),)
    activation = planner.fused_threshold(node)
    if activation is None:
        planner.add(node.name, Format.VALUES, inputs, product.sums())
    else:
        planner.add(activation.name, *with_thresholds(product, activation, inputs))
        planner.formats[node.name] = []


def with_thresholds(
    product: Product, activation: Threshold, inputs: tuple[str, ...]
) -> tuple[Format, tuple[str, ...], Callable[..., Array]]:
    """Format, inputs and function of a fused product."""
    table = activation.table
    if is_one_bit(table):
        return Format.BITS, inputs, product.signs(table)
    return Format.BYTES, inputs, product.bytes(table)


def is_one_bit(table: ThresholdTable) -> bool:
    """Whether the code of a result is one bit, the count."""
    return table.output_type.width_bits == 1 and table.levels == 1


def plan_threshold(planner: Planner, node: Threshold) -> None:
    """Thresholds on an edge of bytes, such as pixels; else the kernel."""
    (edge,) = node.inputs
    source = planner.type_of(edge)
    table = node.table
    if planner.formats[edge][0] is not Format.BYTES:
        plan_kernel(planner, node)
    elif is_one_bit(table):
        repeat = source.size // table.rows
        pack = threshold_packer(
            np.tile(table.values[:, 0], repeat), np.tile(table.descending, repeat), source.element
        )
        planner.add(node.name, Format.BITS, (planner.held(edge, Format.BYTES),), pack)
    elif table.rows == 1 and table.output_type.width_bits <= 8:
        results = byte_results(node, source)
        inputs = (planner.held(edge, Format.BYTES),)
        planner.add(node.name, Format.BYTES, inputs, lambda x: results[x[:, : source.size]])
    else:
        plan_kernel(planner, node)


def byte_results(node: Threshold, source: TensorType) -> NDArray[np.uint8]:
    """Low byte of what ``node``, with one row, makes of each of the 256 input bytes."""
    octets = np.arange(256, dtype=np.uint8)[np.newaxis]
    convert = conversion(Format.BYTES, Format.VALUES, source.element, 256)
    one_row = TensorType(source.element, (256,))
    kernel = make_kernel(node, (one_row,), TensorType(node.table.output_type, (256,)))
    results: NDArray[np.uint8] = kernel(convert(octets))[0].astype(np.uint8)
    return results


FAST: Mapping[type[Node[Any]], Callable[[Planner, Any], None]] = {
    Flatten: plan_flatten,
    MatMul: plan_matmul,
    Threshold: plan_threshold,
}
