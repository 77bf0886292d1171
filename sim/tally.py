# SPDX-License-Identifier: Apache-2.0
"""Results of comparisons, added up chunk by chunk of images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from xnorflow.sim.compare import EdgeResult
from xnorflow.sim.images import Images

__all__ = ["Tally", "chunks"]

CHUNK_FRAMES = 1000
"""Most frames compared at a time."""

CHUNK_VALUES = 1 << 24
"""Values of all edges that are compared at a time, about: bounds the memory."""


@dataclass(slots=True)
class Tally:
    """Adds up the results of chunks, edge by edge, in the order of their first appearance."""

    results: dict[tuple[str, str, str], EdgeResult] = field(default_factory=dict)

    def add(self, result: EdgeResult) -> None:
        """Count one more chunk."""
        key = (result.edge, result.expected, result.got)
        before = self.results.get(key)
        if before is not None:
            result = replace(
                result,
                values=before.values + result.values,
                mismatches=before.mismatches + result.mismatches,
                first=before.first or result.first,
            )
        self.results[key] = result


def chunks(images: Images, values_per_frame: int) -> Iterator[tuple[int, Images]]:
    """``images`` in pieces of bounded size, each with the number of its first frame."""
    frames = max(1, min(CHUNK_FRAMES, CHUNK_VALUES // values_per_frame))
    for start in range(0, len(images), frames):
        yield start, images.slice(start, start + frames)
