# SPDX-License-Identifier: Apache-2.0
"""The layers of a network as a graph: which of them reads the output of which.

Found by running the network once, not by reading it. A tensor that enters a layer is the output of
an earlier one if it lies in the same place of memory, was not changed since, and holds the same
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xnorflow.errors import LoweringError
from xnorflow.quant.lowering.calls import Call, IsLayer, Reshape, plain_tensor, watching

__all__ = ["IMAGE", "Recording", "Step", "record"]

PROBE_IMAGES = 3
PROBE_SEED = 1
IMAGE = 0
"""Number of the image among the values."""

UNKNOWN = -1
"""Number of all values that no layer makes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a layer.

    Parameters
    ----------
    number
        Of the value that it gives; the image is :data:`IMAGE`.
    path, module
        As in :class:`~xnorflow.quant.lowering.calls.Call`.
    inputs
        Numbers of the values that it reads.
    shape
        Of its output in PyTorch's order, without the batch axis.
    """

    number: int
    path: str
    module: nn.Module
    inputs: tuple[int, ...]
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.path!r} ({type(self.module).__name__})"


@dataclass(frozen=True, slots=True)
class Recording:
    """What a run of a network shows.

    Parameters
    ----------
    steps
        Calls on which the output depends, in their order.
    output
        Number of the value that the network gives.
    """

    steps: tuple[Step, ...]
    output: int


class Seen:
    """A value that was seen, as it was then.

    Parameters
    ----------
    tensor
        It is kept, so that its place in memory goes to no other.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.copy = tensor.clone()
        self.version = tensor._version

    def is_in(self, given: Tensor) -> bool:
        """Whether ``given`` is the same value, perhaps in another shape."""
        return (
            given.data_ptr() == self.tensor.data_ptr()
            and given._version == self.version
            and same_numbers(given, self.copy)
        )


def same_numbers(first: Tensor, second: Tensor) -> bool:
    """Whether both hold the same numbers in row-major order, as elements of the same type."""
    alike = first.dtype == second.dtype and first.numel() == second.numel()
    return alike and torch.equal(first.reshape(-1), second.reshape(-1))


class Recorder:
    """Collects steps while the network runs.

    Parameters
    ----------
    image
        What enters the network.
    """

    def __init__(self, image: Tensor) -> None:
        self.values = [Seen(image)]
        self.steps: list[Step] = []
        self.inputs: tuple[int, ...] = ()
        self.others: list[tuple[str, Tensor]] = []

    def enter(self, call: Call) -> None:
        """Find what a layer reads, before it may change it in place."""
        if call.function:
            self.inputs = tuple(self.number(tensor) for tensor in call.inputs)
            return
        where = f"what layer {call.path!r} reads"
        self.inputs = tuple(self.known_number(tensor, where) for tensor in call.inputs)

    def leave(self, call: Call, output: Tensor) -> None:
        """Record a call; what functions make of unknown values is unknown, too."""
        known = UNKNOWN not in self.inputs
        if isinstance(call.module, Reshape):
            known = known and same_numbers(output, self.values[self.inputs[0]].copy)
        if known:
            self.append(call.path, call.module, self.inputs, output)
        else:
            self.computed(call.function, output)

    def computed(self, name: str, output: Tensor) -> None:
        """Remember what was computed outside of all layers, for messages."""
        self.others.append((name, output))

    def left_unknown(self, call: Call, output: Any) -> None:
        """Record a module of no known kind, unless what it gives is known already."""
        tensor = plain_tensor(output)
        if self.find(tensor) == UNKNOWN:
            self.append(call.path, call.module, (), tensor)

    def append(self, path: str, module: nn.Module, inputs: tuple[int, ...], output: Tensor) -> int:
        """Append a step; gives the number of its value."""
        if output.dtype != torch.float32:
            raise LoweringError(f"layer {path!r} must give float32, not {output.dtype}")
        number = len(self.values)
        self.values.append(Seen(output))
        self.steps.append(Step(number, path, module, inputs, tuple(output.shape[1:])))
        return number

    def find(self, given: Tensor) -> int:
        """Number of the latest value that ``given`` is, one of its shape if there is any."""
        found = [n for n, value in enumerate(self.values) if value.is_in(given)]
        alike = [n for n in found if self.values[n].copy.shape == given.shape]
        return max(alike or found, default=UNKNOWN)

    def number(self, given: Tensor) -> int:
        """Number of the value ``given``, after a reshape that was not seen if need be."""
        number = self.find(given)
        if number == UNKNOWN or self.values[number].copy.shape == given.shape:
            return number
        return self.append("", Reshape(), (number,), given)

    def known_number(self, given: Tensor, what: str) -> int:
        """As :meth:`number`; refuses unknown values, with ``what`` in the message."""
        number = self.number(given)
        if number != UNKNOWN:
            return number
        for name, tensor in reversed(self.others):
            if tensor.data_ptr() == given.data_ptr():
                raise LoweringError(
                    f"{what} must be the output of a layer, but forward() computes it by {name}(), "
                    "outside of all layers: use modules of the kinds in xnorflow.quant.lower.KINDS"
                )
        raise LoweringError(f"{what} must be the output of a layer, not a value from elsewhere")


def record(model: nn.Module, image_shape: tuple[int, int, int], is_layer: IsLayer) -> Recording:
    """Run ``model`` once on random pixels and list the calls of its layers.

    Parameters
    ----------
    model
        In evaluation mode; takes float32 of shape ``(n, channels, height, width)``.
    image_shape
        ``(height, width, channels)``.
    is_layer
        Whether a module is one layer, to be listed as such; of others, the layers inside are.

    Raises
    ------
    LoweringError
        If a layer reads what no layer makes, or the network does not take such images.
    """
    probe = random_pixels(image_shape)
    recorder = Recorder(probe)
    try:
        with torch.no_grad(), watching(model, is_layer, recorder):
            output = model(probe)
    except (RuntimeError, ValueError, IndexError) as error:
        raise LoweringError(
            f"the network does not take images of {'x'.join(map(str, image_shape))} "
            f"(height x width x channels): {str(error).splitlines()[0]}"
        ) from error
    number = recorder.known_number(plain_tensor(output), "the network's output")
    return Recording(needed_for(number, recorder.steps), number)


def needed_for(output: int, steps: list[Step]) -> tuple[Step, ...]:
    """The steps on which the value ``output`` depends."""
    needed = {output}
    for step in reversed(steps):
        if step.number in needed:
            needed.update(step.inputs)
    return tuple(step for step in steps if step.number in needed)


def random_pixels(image_shape: tuple[int, int, int]) -> Tensor:
    """A few images of pixels ``u / 256``."""
    height, width, channels = image_shape
    generator = np.random.default_rng(PROBE_SEED)
    pixels = generator.integers(0, 256, (PROBE_IMAGES, channels, height, width))
    return torch.from_numpy(pixels).float() / 256.0
