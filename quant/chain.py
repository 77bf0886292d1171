# SPDX-License-Identifier: Apache-2.0
"""The modules of a network in the order in which it calls them.

Found by running the network once, not by reading it: whatever ``forward`` does, every value that
enters a module must be the one that left the module before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xnorflow.errors import LoweringError

__all__ = ["Reshape", "Step", "evaluation_mode", "plain_tensor", "record_chain"]

PROBE_IMAGES = 3
PROBE_SEED = 1


class Reshape(nn.Module):
    """Stands for a reshape that ``forward`` does by itself (``x.flatten(1)``)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a module.

    Parameters
    ----------
    path
        Where the module is in the network; empty for a reshape outside all modules.
    module
        The module.
    shape
        Of its output, without the batch axis.
    """

    path: str
    module: nn.Module
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.path!r} ({type(self.module).__name__})"


@dataclass(slots=True)
class Recorder:
    """Collects steps while the network runs.

    Parameters
    ----------
    value
        A copy of what the last step gave.
    address
        Where in memory it lies.
    """

    value: Tensor
    address: int
    steps: list[Step] = field(default_factory=list)

    def before(self, path: str) -> Callable[..., None]:
        """Hook that checks what enters the module at ``path``."""

        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if len(args) != 1 or kwargs:
                raise LoweringError(f"layer {path!r} must take one tensor and nothing else")
            self.expect(plain_tensor(args[0]), f"layer {path!r}")

        return hook

    def after(self, path: str) -> Callable[..., None]:
        """Hook that records a call of the module at ``path``."""

        def hook(module: nn.Module, _: tuple[Any, ...], output: Any) -> None:
            self.record(path, module, plain_tensor(output))

        return hook

    def record(self, path: str, module: nn.Module, output: Tensor) -> None:
        """Append a step that gave ``output``."""
        self.value, self.address = output.clone(), output.data_ptr()
        self.steps.append(Step(path, module, tuple(output.shape[1:])))

    def expect(self, given: Tensor, where: str) -> None:
        """Check that ``given`` is what the last step gave, perhaps in another shape."""
        same_place = given.data_ptr() == self.address and given.numel() == self.value.numel()
        if not (same_place and torch.equal(given.reshape(-1), self.value.reshape(-1))):
            last = f"layer {self.steps[-1].path!r}" if self.steps else "the input"
            raise LoweringError(
                f"{where} must read the output of {last}, but forward() computes something in "
                "between that is not a module: make it one (see xnorflow.quant.lower.KINDS)"
            )
        if given.shape != self.value.shape:
            self.record("", Reshape(), given)


def record_chain(
    model: nn.Module, image_shape: tuple[int, int, int], is_layer: Callable[[nn.Module], bool]
) -> tuple[Step, ...]:
    """Run ``model`` once on random pixels and list the calls of its modules.

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
        If the network is not one chain of modules, or does not take such images.
    """
    probe = random_pixels(image_shape)
    recorder = Recorder(probe.clone(), probe.data_ptr())
    handles = []
    for path, module in layers_of(model, "", is_layer):
        handles.append(module.register_forward_pre_hook(recorder.before(path), with_kwargs=True))
        handles.append(module.register_forward_hook(recorder.after(path)))
    try:
        with torch.no_grad():
            output = model(probe)
        recorder.expect(plain_tensor(output), "the network's output")
    except (RuntimeError, ValueError) as error:
        raise LoweringError(
            f"the network does not take images of {'x'.join(map(str, image_shape))} "
            f"(height x width x channels): {str(error).splitlines()[0]}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return tuple(recorder.steps)


def random_pixels(image_shape: tuple[int, int, int]) -> Tensor:
    """A few images of pixels ``u / 256``."""
    height, width, channels = image_shape
    generator = np.random.default_rng(PROBE_SEED)
    pixels = generator.integers(0, 256, (PROBE_IMAGES, channels, height, width))
    return torch.from_numpy(pixels).float() / 256.0


def layers_of(
    module: nn.Module, path: str, is_layer: Callable[[nn.Module], bool]
) -> list[tuple[str, nn.Module]]:
    """The layers inside ``module``, and modules without parts."""
    parts = list(module.named_children())
    if is_layer(module) or not parts:
        return [(path, module)]
    prefix = f"{path}." if path else ""
    return [layer for name, part in parts for layer in layers_of(part, prefix + name, is_layer)]


def plain_tensor(value: Any) -> Tensor:
    """``value`` itself, or the tensor in a Brevitas ``QuantTensor``."""
    tensor = getattr(value, "value", value)
    if not isinstance(tensor, Tensor):
        raise LoweringError(f"layers must exchange single tensors, not {type(value).__name__}")
    return tensor


class evaluation_mode:  # noqa: N801 - used as a function
    """Context in which ``model`` is in evaluation mode; every module's mode is restored after it.

    Parameters
    ----------
    model
        Any module.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.modes = {module: module.training for module in model.modules()}

    def __enter__(self) -> nn.Module:
        return self.model.eval()

    def __exit__(self, *exception: object) -> None:
        for module, mode in self.modes.items():
            module.training = mode
