# SPDX-License-Identifier: Apache-2.0
"""Neurons and channels: which layers share them, which matter least, and how they disappear.

While a network is trained, a neuron that goes is masked: its weights, and those of all who read
it, are 0. At the end the network is made smaller, and computes the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xnorflow.quant.lowering.images import hardware_order
from xnorflow.quant.models.model import WEIGHT_LAYERS, Model
from xnorflow.quant.models.resnet import ResidualBlock
from xnorflow.quant.pruning.masks import mask_of

__all__ = [
    "ChannelGroup",
    "channel_groups",
    "flat_columns",
    "importance",
    "mask_channels",
    "shrink",
]

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@dataclass(eq=False, slots=True)
class ChannelGroup:
    """Channels that several layers have in common, so that they remain or go together.

    Parameters
    ----------
    producers
        Layers whose rows they are.
    depthwise
        Convolutions of each of them by itself.
    norms
        Batch normalisations of them.
    consumers
        Layers whose inputs they are; a flattened image has each of them several times, one after
        the other.
    """

    producers: list[str] = field(default_factory=list)
    depthwise: list[str] = field(default_factory=list)
    norms: list[str] = field(default_factory=list)
    consumers: list[str] = field(default_factory=list)


def channel_groups(model: Model) -> list[ChannelGroup]:
    """The groups of channels of ``model``, without those of its input and of its output."""
    groups: list[ChannelGroup] = []
    current = ChannelGroup()
    for name, module in model.named_children():
        for path, part in parts(name, module):
            after = enter(current, path, part)
            if after is not current:
                groups.append(after)
                current = after
    return groups[:-1]


def parts(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Residual blocks as a whole, and of other modules all that they consist of."""
    if isinstance(module, ResidualBlock):
        yield name, module
        return
    yield from module.named_modules(prefix=name)


def enter(current: ChannelGroup, path: str, module: nn.Module) -> ChannelGroup:
    """Let ``module``, which reads the channels ``current``, take part; gives what it makes."""
    if isinstance(module, ResidualBlock):
        return enter_block(current, path, module)
    if isinstance(module, NORMS):
        current.norms.append(path)
    if not isinstance(module, WEIGHT_LAYERS):
        return current
    if getattr(module, "groups", 1) > 1:
        current.depthwise.append(path)
        return current
    current.consumers.append(path)
    return ChannelGroup(producers=[path])


def enter_block(current: ChannelGroup, path: str, block: ResidualBlock) -> ChannelGroup:
    """Let a residual block take part: its stream keeps its channels, or gets new ones."""
    current.norms.append(f"{path}.norm1")
    current.consumers.append(f"{path}.conv")
    stream = current
    if "conv" in dict(block.shortcut.named_children()):
        current.consumers.append(f"{path}.shortcut.conv")
        stream = ChannelGroup(producers=[f"{path}.shortcut.conv"], norms=[f"{path}.shortcut.norm"])
    stream.producers.append(f"{path}.conv")
    stream.norms.append(f"{path}.norm2")
    return stream


def flat_columns(model: Model) -> dict[str, NDArray[np.int64]]:
    """For each layer behind a flattened image, its inputs in the order of hardware.

    PyTorch flattens channel by channel, hardware pixel by pixel: neighbours are others.
    """
    height, width, _ = model.image_shape
    pixels: dict[str, int] = {}
    for group in channel_groups(model):
        channels = len(model.get_submodule(group.producers[0]).get_parameter("weight"))
        for path in group.consumers:
            weights = model.get_submodule(path).get_parameter("weight")
            pixels[path] = weights.shape[1] // channels
    first = next(path for path, m in model.named_modules() if isinstance(m, WEIGHT_LAYERS))
    if isinstance(model.get_submodule(first), nn.Linear):
        pixels[first] = height * width
    columns = {}
    for path, count in pixels.items():
        inputs = model.get_submodule(path).get_parameter("weight").shape[1]
        order = hardware_order((1, count, inputs // count))
        if order is not None:
            columns[path] = order
    return columns


def importance(model: Model, group: ChannelGroup) -> NDArray[np.float32]:
    """A score for each channel: how large it is made, times how much of it is read.

    The mean size of the factors of its batch normalisations, times the sum of the sizes of the
    weights that read it: what stands in front of a normalisation has no size of its own.
    """
    modules = dict(model.named_modules())
    channels = len(modules[group.producers[0]].get_parameter("weight"))
    made = torch.ones(channels)
    if group.norms:
        factors = [modules[path].get_parameter("weight").abs() for path in group.norms]
        made = torch.stack(factors).mean(dim=0)
    read = torch.zeros(channels)
    for path in group.consumers:
        weights = modules[path].get_parameter("weight").abs()
        read += weights.movedim(1, 0).reshape(channels, -1).sum(dim=1)
    scores: NDArray[np.float32] = (made * read).detach().numpy()
    return scores


def mask_channels(model: Model, group: ChannelGroup, keep: NDArray[np.bool_]) -> None:
    """Mask the channels of ``group`` that ``keep``, shape ``(channels,)``, does not name."""
    modules = dict(model.named_modules())
    kept = torch.from_numpy(keep)
    for path in group.producers:
        mask = mask_of(modules[path])
        mask &= along(kept, 0, mask.ndim)
    for path in group.consumers:
        mask = mask_of(modules[path])
        mask &= along(kept.repeat_interleave(mask.shape[1] // len(kept)), 1, mask.ndim)


def along(values: Tensor, axis: int, ndim: int) -> Tensor:
    """``values`` as a tensor of ``ndim`` axes, all but ``axis`` of length 1."""
    return values.reshape([-1 if number == axis else 1 for number in range(ndim)])


def kept_channels(model: Model, group: ChannelGroup) -> Tensor:
    """Indices of the channels of ``group`` that are not masked."""
    masks = [mask_of(model.get_submodule(path)).flatten(1).any(dim=1) for path in group.producers]
    return torch.stack(masks).any(dim=0).nonzero()[:, 0]


def shrink(model: Model, smaller: Model) -> Model:
    """``smaller`` with the weights of ``model`` but those of its masked channels.

    Parameters
    ----------
    model
        Has masks; in each group as many channels remain as ``smaller`` has.
    smaller
        Of the same kind; its weights are replaced.
    """
    axes: dict[str, dict[int, Tensor]] = {}
    for group in channel_groups(model):
        kept = kept_channels(model, group)
        for path in (*group.producers, *group.depthwise, *group.norms):
            axes.setdefault(path, {})[0] = kept
        for path in group.consumers:
            inputs = model.get_submodule(path).get_parameter("weight").shape[1]
            channels = len(model.get_submodule(group.producers[0]).get_parameter("weight"))
            each = inputs // channels
            axes.setdefault(path, {})[1] = (kept[:, None] * each + torch.arange(each)).flatten()
    state = model.state_dict()
    smaller.load_state_dict(
        {
            key: selected(state[key], axes.get(key.rpartition(".")[0], {}))
            for key in smaller.state_dict()
        }
    )
    return smaller


def selected(tensor: Tensor, axes: dict[int, Tensor]) -> Tensor:
    """``tensor`` with the given indices along those of ``axes`` that it has."""
    for axis, indices in axes.items():
        if axis < tensor.ndim:
            tensor = tensor.index_select(axis, indices)
    return tensor
