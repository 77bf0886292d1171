# SPDX-License-Identifier: Apache-2.0
"""Which channels of a network's edges its hardware has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ArtifactError
from xnorflow.hw.passes.rewrite import is_feeder, layers_of
from xnorflow.ir import (
    Dataflow,
    Fifo,
    LabelSelect,
    Network,
    PadUnit,
    SlidingWindow,
    WidthConverter,
)

__all__ = ["KeptChannels", "check_streams"]

Scalar = TypeVar("Scalar", bound=np.generic)
SPAN = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True, slots=True, eq=False)
class KeptChannels:
    """The link from the edges of a network to the streams of a design with fewer channels.

    Parameters
    ----------
    by_edge
        Channels of the network that the design has, ascending, of each edge of which it has not
        all.
    """

    by_edge: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def of(self, edges: Mapping[str, NDArray[Scalar]]) -> dict[str, NDArray[Scalar]]:
        """The values of ``edges``, shape ``(..., channels)``, on the channels that are kept."""
        return {
            edge: values[..., self.by_edge[edge]] if edge in self.by_edge else values
            for edge, values in edges.items()
        }

    def to_document(self) -> dict[str, str]:
        """As JSON values: spans of channels.

        Examples
        --------
        >>> KeptChannels({"act1": np.array([0, 1, 2, 7, 9, 10])}).to_document()
        {'act1': '0-2,7,9-10'}
        """
        return {edge: spans(channels) for edge, channels in self.by_edge.items()}

    @classmethod
    def from_document(cls, document: Any, network: Network) -> KeptChannels:
        """The inverse of :meth:`to_document`, checked against the edges of ``network``.

        Raises
        ------
        ArtifactError
            If ``document`` is no such thing.
        """
        if not isinstance(document, dict):
            raise ArtifactError(f"kept channels must be an object, not {document!r}")
        kept = {}
        for edge, text in document.items():
            channels = channels_in(text)
            count = network.types[edge].channels if edge in network.types else 0
            if not channels or channels != sorted(set(channels)) or channels[-1] >= count:
                raise ArtifactError(
                    f"kept channels must be some of {count}, ascending, not {text!r} "
                    f"(edge {edge!r})"
                )
            kept[edge] = np.asarray(channels, np.int64)
        return cls(kept)


def check_streams(kept: KeptChannels, dataflow: Dataflow, network: Network) -> None:
    """Refuse channels that ``dataflow`` has not: each stream must have all that are kept.

    Raises
    ------
    ArtifactError
        If a stream has more or fewer of its edge of ``network``.
    """
    for layer in layers_of(dataflow):
        # Converters and FIFOs carry what they read, and the number of labels is a build's choice.
        if isinstance(layer, WidthConverter | Fifo | LabelSelect):
            continue
        edge = network.types[layer.edge]
        pixels = edge.size // edge.channels
        left = len(kept.by_edge.get(layer.edge, range(edge.channels)))
        if isinstance(layer, PadUnit | SlidingWindow) and is_feeder(layer):
            has = layer.shape[2]
        else:
            has = dataflow.types[layer.name].size // pixels
        if has != left:
            raise ArtifactError(
                f"the stream of {layer.name!r} has {has} channels of edge {layer.edge!r}, "
                f"of which {left} are kept"
            )


def spans(channels: Iterable[int]) -> str:
    """Ascending ``channels`` as spans."""
    found: list[list[int]] = []
    for channel in channels:
        if found and found[-1][1] == channel - 1:
            found[-1][1] = int(channel)
        else:
            found.append([int(channel), int(channel)])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


def channels_in(text: object) -> list[int]:
    """The channels that spans mean; none if they are none."""
    matches = [SPAN.fullmatch(span) for span in str(text).split(",")]
    channels: list[int] = []
    for match in matches:
        if match is None:
            return []
        channels += range(int(match[1]), int(match[2] or match[1]) + 1)
    return channels
