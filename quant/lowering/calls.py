# SPDX-License-Identifier: Apache-2.0
"""Calls of the layers of a network, seen by hooks while it runs.

Sums and concatenations that ``forward`` does by itself (``a + b``, ``torch.cat``) are seen as
well, as if they were modules.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from xnorflow.errors import LoweringError
from xnorflow.quant.models.joins import Add, Concat

__all__ = [
    "Call",
    "IsLayer",
    "Listener",
    "Reshape",
    "evaluation_mode",
    "plain_tensor",
    "watching",
]

IsLayer = Callable[[nn.Module], bool]


class Reshape(nn.Module):
    """Stands for a reshape that ``forward`` does by itself (``x.flatten(1)``)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a layer.

    Parameters
    ----------
    path
        Where the module is in the network, with ``:2`` for its second call and so on.
        ``PATH.add()`` and ``PATH.cat()`` for what the ``forward`` of the module at PATH does by
        itself; empty for a reshape or copy of that sort.
    module
        The module, or one that does the same.
    inputs
        What it reads.
    function
        Name of the function that ``forward`` calls by itself; empty for a module.
    """

    path: str
    module: nn.Module
    inputs: tuple[Tensor, ...]
    function: str = ""


class Listener(Protocol):
    """Who is told of the calls."""

    def enter(self, call: Call) -> None:
        """A layer is called."""

    def leave(self, call: Call, output: Tensor) -> None:
        """The layer entered last gave ``output``."""

    def computed(self, name: str, output: Tensor) -> None:
        """``output`` was computed outside of all layers, by the function or module ``name``."""

    def left_unknown(self, call: Call, output: Any) -> None:
        """A user's module without parts gave ``output``: perhaps that of layers seen in it."""


@contextlib.contextmanager
def watching(model: nn.Module, is_layer: IsLayer, listener: Listener) -> Iterator[None]:
    """Context in which ``listener`` is told of every call of a layer of ``model``.

    Parameters
    ----------
    model
        Any network.
    is_layer
        Whether a module is one layer; of others, the layers inside are seen.
    listener
        Who is told. What it computes itself is not seen.
    """
    watcher = Watcher(listener)
    handles: list[Any] = []
    for path, module, seen_as in parts_of(model, is_layer):
        before, after = watcher.hooks(path, seen_as)
        handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
        handles.append(module.register_forward_hook(after))
    try:
        with watcher:
            yield
    finally:
        for handle in handles:
            handle.remove()


LAYER, CONTAINER, UNKNOWN = "layer", "container", "unknown"


def parts_of(model: nn.Module, is_layer: IsLayer) -> list[tuple[str, nn.Module, str]]:
    """``model`` and all parts outside of layers, each with its path and what it is seen as.

    A part that has several paths is listed once, with the first of them.
    """
    parts: dict[nn.Module, tuple[str, str]] = {}

    def visit(path: str, module: nn.Module) -> None:
        if module in parts:
            return
        children = [] if is_layer(module) else list(module.named_children())
        parts[module] = path, LAYER if is_layer(module) else CONTAINER if children else UNKNOWN
        for name, child in children:
            visit(f"{path}.{name}" if path else name, child)

    visit("", model)
    return [(path, module, seen_as) for module, (path, seen_as) in parts.items()]


class Watcher(TorchFunctionMode):
    """Sees calls of modules by its hooks, and of functions as a mode of PyTorch.

    Parameters
    ----------
    listener
        Who is told.
    """

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self.listener = listener
        self.muted = 0
        self.containers: list[str] = []
        self.counts: Counter[str] = Counter()
        self.calls: list[Call] = []

    def hooks(self, path: str, seen_as: str) -> tuple[Callable[..., None], Callable[..., None]]:
        """Hooks before and after the forward of the module at ``path``."""

        def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if seen_as != LAYER:
                self.containers.append(path)
                return
            self.muted += 1
            if not args or kwargs:
                raise LoweringError(f"layer {path!r} must take tensors and nothing else")
            call = Call(self.label(path), module, tuple(plain_tensor(arg) for arg in args))
            self.calls.append(call)
            self.listener.enter(call)

        def after(module: nn.Module, _: tuple[Any, ...], output: Any) -> None:
            if seen_as == LAYER:
                self.listener.leave(self.calls.pop(), plain_tensor(output))
                self.muted -= 1
                return
            self.containers.pop()
            if seen_as == UNKNOWN:
                with self.mute():
                    self.listener.left_unknown(Call(path, module, ()), output)

        return before, after

    @contextlib.contextmanager
    def mute(self) -> Iterator[None]:
        """Context in which functions are not seen."""
        self.muted += 1
        try:
            yield
        finally:
            self.muted -= 1

    def label(self, path: str) -> str:
        """``path``, with the number of the call from the second one on."""
        self.counts[path] += 1
        return path if self.counts[path] == 1 else f"{path}:{self.counts[path]}"

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called by PyTorch in place of ``func``; this mode is off inside of it."""
        kwargs = kwargs or {}
        if self.muted:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        call = self.call_of(name, args, kwargs)
        if call is not None:
            self.listener.enter(call)
        output = func(*args, **kwargs)
        if call is not None:
            self.listener.leave(call, plain_tensor(output))
        elif isinstance(output, Tensor):
            self.listener.computed(name, output)
        return output

    def call_of(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
        """The call of a layer as which a call of the function ``name`` is seen, if any."""
        read = FUNCTIONS.get(name)
        tensors = read(args, kwargs) if read is not None else None
        if tensors is None:
            return None
        if read is copied:
            return Call("", Reshape(), tensors, name)
        operator, module = ("add()", Add()) if read is addends else ("cat()", Concat())
        place = self.containers[-1] if self.containers else ""
        path = self.label(f"{place}.{operator}" if place else operator)
        return Call(path, module, tensors, name)


Read = Callable[[tuple[Any, ...], Mapping[str, Any]], "tuple[Tensor, ...] | None"]


def addends(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Tensor, ...] | None:
    """Both tensors of a plain sum of two batches of one shape; else None."""
    tensors = all_tensors(args)
    if kwargs or tensors is None or len(tensors) != 2:
        return None
    first, second = tensors
    return tensors if first.ndim > 1 and first.shape == second.shape else None


def concatenated(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Tensor, ...] | None:
    """All tensors of a concatenation of channels; else None."""
    given = {**dict(zip(("tensors", "dim"), args, strict=False)), **kwargs}
    tensors = all_tensors(given.get("tensors", ()))
    axis = given.get("dim", given.get("axis", 0))
    if not tensors or tensors[0].ndim < 2 or axis % tensors[0].ndim != 1:
        return None
    return tensors


def copied(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Tensor, ...] | None:
    """The tensor of which a function gives a copy, perhaps of another shape or layout."""
    return all_tensors(args[:1])


def all_tensors(values: Any) -> tuple[Tensor, ...] | None:
    """``values`` as plain tensors, if they are nothing else."""
    tensors = tuple(getattr(value, "value", value) for value in values)
    return tensors if all(isinstance(tensor, Tensor) for tensor in tensors) else None


FUNCTIONS: Mapping[str, Read] = MappingProxyType(
    {
        **dict.fromkeys(("add", "add_"), addends),
        **dict.fromkeys(("cat", "concat", "concatenate"), concatenated),
        **dict.fromkeys(("clone", "contiguous", "flatten", "reshape", "to"), copied),
    }
)
"""Functions that are seen as layers, by name, each with what it reads. Those that only give
another view of a tensor need none of this: their result lies in the same place."""


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
