# SPDX-License-Identifier: Apache-2.0
"""What a run of the RTL engine gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import StreamType
from xnorflow.ir.beats import values_of

__all__ = ["RtlTrace", "StreamValues"]


class StreamValues(Mapping[str, NDArray[np.int64]]):
    """Values of streams, kept as payloads and decoded when asked for: windows take much room.

    Parameters
    ----------
    payloads
        By node: the beats of its output stream, shape ``(n * beats_per_frame, words)``.
    types
        By node: type of its output stream.
    """

    def __init__(
        self, payloads: Mapping[str, NDArray[np.uint32]], types: Mapping[str, StreamType]
    ) -> None:
        self._payloads = payloads
        self._types = types

    def __getitem__(self, name: str) -> NDArray[np.int64]:
        return values_of(self._payloads[name], self._types[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._payloads)

    def __len__(self) -> int:
        return len(self._payloads)

    def of_frames(self, name: str, start: int, stop: int) -> NDArray[np.int64]:
        """Values of frames ``start`` to ``stop`` on the stream of node ``name``."""
        beats = self._types[name].beats_per_frame
        return values_of(self._payloads[name][start * beats : stop * beats], self._types[name])


@dataclass(frozen=True, slots=True)
class RtlTrace:
    """Every beat that moved on the streams of a design.

    Parameters
    ----------
    values
        By node of the dataflow graph: the decoded values of its output stream, int64, shape
        ``(n, vectors * channels)``, lane 0 of a beat first.
    cycles
        By node: the cycle in which each beat moved, int64, shape ``(n, beats_per_frame)``. A beat
        moves in the cycle at whose end, the rising clock edge, valid and ready are both high;
        cycle 0 is the first one after reset.
    cycle_count
        Cycles simulated, reset excluded.
    """

    values: StreamValues
    cycles: Mapping[str, NDArray[np.int64]]
    cycle_count: int
