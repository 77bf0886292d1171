# SPDX-License-Identifier: Apache-2.0
"""Steps, and the planner that the fast forms of the nodes add them to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from xnorflow.ir import (
    Concat,
    Conv,
    Flatten,
    MatMul,
    MaxPool,
    Network,
    Node,
    TensorType,
    Threshold,
    Upsample,
)
from xnorflow.sim.reference.formats import Format, conversion, frame_bytes
from xnorflow.sim.reference.kernels import make_kernel
from xnorflow.sim.reference.products import uses_bits

__all__ = ["Plan", "Planner", "Step", "plan_kernel", "run_plan"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Step:
    """Compute the array ``output`` from the arrays ``inputs``, all by name.

    Parameters
    ----------
    dead
        Arrays that no later step reads.
    """

    output: str
    inputs: tuple[str, ...]
    function: Callable[..., Array]
    dead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps, and the bytes that a frame takes in the largest array."""

    steps: tuple[Step, ...]
    frame_bytes: int


def run_plan(plan: Plan, images: Array, first: str) -> dict[str, Array]:
    """All arrays of ``plan`` but the dead ones; ``images`` are the one called ``first``."""
    arrays = {first: images}
    for step in plan.steps:
        arrays[step.output] = step.function(*(arrays[name] for name in step.inputs))
        for name in step.dead:
            del arrays[name]
    return arrays


@dataclass(slots=True)
class Planner:
    """Steps so far, the formats that each edge is held in, the native one first, and its layout.

    The arrays are called ``EDGE.FORMAT``. A layout is the number of pixels and of channels; that of
    a flattened image is still the image's.
    """

    network: Network
    steps: list[Step] = field(default_factory=list)
    formats: dict[str, list[Format]] = field(default_factory=dict)
    layouts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def type_of(self, edge: str) -> TensorType:
        """Type of ``edge``."""
        return self.network.types[edge]

    def hold_input(self, native: Format) -> None:
        """The network's input is there, in format ``native``."""
        name = self.network.input.name
        kind = self.type_of(name)
        self.formats[name] = [native]
        self.layouts[name] = (kind.size // kind.channels, kind.channels)

    def native(self, edge: str) -> Format:
        """The format that ``edge`` was made in."""
        return self.formats[edge][0]

    def held(self, edge: str, target: Format) -> str:
        """Name of the array that holds ``edge`` in format ``target``, converted if need be."""
        formats = self.formats[edge]
        name = f"{edge}.{target}"
        if target not in formats:
            convert = conversion(formats[0], target, self.type_of(edge).element, self.layouts[edge])
            self.steps.append(Step(name, (f"{edge}.{formats[0]}",), convert))
            formats.append(target)
        return name

    def held_as_numbers(self, edge: str) -> str:
        """Name of an array that holds ``edge`` as BYTES or VALUES, as costs least."""
        if self.native(edge) in (Format.BYTES, Format.VALUES):
            return f"{edge}.{self.native(edge)}"
        return self.held(edge, Format.BYTES)

    def add(
        self,
        edge: str,
        native: Format,
        inputs: tuple[str, ...],
        function: Callable[..., Array],
        layout: tuple[int, int] | None = None,
    ) -> None:
        """Make ``edge`` in format ``native`` from arrays ``inputs``."""
        kind = self.type_of(edge)
        self.steps.append(Step(f"{edge}.{native}", inputs, function))
        self.formats[edge] = [native]
        self.layouts[edge] = layout or (kind.size // kind.channels, kind.channels)

    def fused_threshold(self, node: Node[TensorType]) -> Threshold | None:
        """The threshold node that is the only reader of ``node``, if its results are bytes."""
        readers = self.network.readers(node.name)
        if len(readers) == 1 and isinstance(readers[0], Threshold):
            return readers[0] if readers[0].table.output_type.width_bits <= 8 else None
        return None

    def wants_bits(self, edge: str) -> bool:
        """Whether a product of bits reads ``edge``, maybe behind nodes that pass them on."""
        element = self.type_of(edge).element

        def wants(node: Node[TensorType]) -> bool:
            if isinstance(node, (MatMul, Conv)):
                return uses_bits(element, node.weight_type)
            passes_on = isinstance(node, (Flatten, MaxPool, Upsample, Concat))
            return passes_on and self.wants_bits(node.name)

        return any(wants(node) for node in self.network.readers(edge))

    def finished(self, keep: str) -> Plan:
        """All steps; those that read an array last say so; ``keep`` is wanted in the end."""
        steps: list[Step] = []
        seen = {keep}
        for step in reversed(self.steps):
            names = dict.fromkeys((*step.inputs, step.output))
            dead = tuple(name for name in names if name not in seen)
            seen.update(dead)
            steps.append(replace(step, dead=dead))
        most = max(
            frame_bytes(held, self.type_of(edge).element, self.layouts[edge])
            for edge, formats in self.formats.items()
            for held in formats
        )
        return Plan(tuple(reversed(steps)), most)


def plan_kernel(planner: Planner, node: Node[TensorType]) -> None:
    """Run the kernel of ``node`` on int64 values."""
    inputs = tuple(planner.held(edge, Format.VALUES) for edge in node.inputs)
    types = planner.network.input_types(node)
    kernel = make_kernel(node, types, planner.type_of(node.name))
    planner.add(node.name, Format.VALUES, inputs, kernel)
