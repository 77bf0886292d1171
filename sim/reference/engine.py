# SPDX-License-Identifier: Apache-2.0
"""The engine: checks images, cuts them into chunks, runs a plan on each, on several threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ConfigError, DataError
from xnorflow.ir import DataType, Kind, Network, TensorType

if TYPE_CHECKING:
    from xnorflow.sim.reference.planner import Plan

__all__ = ["ReferenceEngine"]

CHUNK_IMAGES = 512
"""Most images that pass through all layers together."""

CHUNK_BYTES = 1 << 20
"""Size that no array of a chunk should exceed, so that activations stay in the cache."""

THREAD_IMAGES = 64
"""Fewer images than this are not worth a thread."""


class ReferenceEngine:
    """Computes an integer network exactly.

    Parameters
    ----------
    network
        What to compute.
    threads
        Number of threads over which images are spread; all processor cores by default.

    Raises
    ------
    ConfigError
        If ``threads`` is less than 1.

    Notes
    -----
    The first engine in a process imports numba (about half a second); what it compiles is cached
    on disk for later processes.

    Examples
    --------
    >>> from xnorflow.ir import BIPOLAR, ArgMax, Input, MatMul, Network, TensorType
    >>> network = Network((
    ...     Input(name="image", type=TensorType(BIPOLAR, (3,))),
    ...     MatMul(name="fc", inputs=("image",), weight_type=BIPOLAR,
    ...            weights=np.array([[1, -1, 1], [1, 1, 1]])),
    ...     ArgMax(name="label", inputs=("fc",)),
    ... ))
    >>> engine = ReferenceEngine(network)
    >>> engine.edges(np.array([[1, 1, -1]]))["fc"].tolist()
    [[-1, 1]]
    >>> engine.run(np.array([[1, 1, -1]])).tolist()
    [[1]]
    """

    def __init__(self, network: Network, threads: int | None = None) -> None:
        from xnorflow.sim.reference.formats import Format
        from xnorflow.sim.reference.plan import fast_plan, plain_plan
        from xnorflow.sim.reference.planner import run_plan

        if threads is not None and threads < 1:
            raise ConfigError(f"threads must be 1 or more, not {threads}")
        self.network = network
        self.threads = threads or os.cpu_count() or 1
        self._input = network.types[network.input.name]
        self._narrow = self._input.element.width_bits <= 8
        self._run_plan = run_plan
        self._plain = plain_plan(network)
        self._source = Format.BYTES if self._narrow else Format.VALUES
        self._fast = fast_plan(network, self._source)

    def edges(self, images: NDArray[Any]) -> dict[str, NDArray[np.int64]]:
        """Values of every edge.

        Parameters
        ----------
        images
            Shape ``(n, *shape)`` with the network's input shape; integers, values of its type.

        Returns
        -------
        dict
            For each edge, int64 of shape ``(n, *shape of the edge)``.

        Raises
        ------
        DataError
            If ``images`` have another shape, no integers, or values that the type has not.
        """
        first, types = self.network.input.name, self.network.types
        frames = checked_frames(images, self._input)
        values = {e: np.empty((len(frames), kind.size), np.int64) for e, kind in types.items()}

        def chunk(part: NDArray[Any], start: int) -> None:
            arrays = self._run_plan(self._plain, part.astype(np.int64), first)
            for edge, array in values.items():
                array[start : start + len(part)] = arrays[edge][: len(part), : array.shape[1]]

        self._spread(frames, self._plain, chunk)
        return {edge: array.reshape(-1, *types[edge].shape) for edge, array in values.items()}

    def run(self, images: NDArray[Any]) -> NDArray[np.int64]:
        """Values of the output edge alone, int64 of shape ``(n, *shape)``, by the fast path.

        Takes and raises what :meth:`edges` does.
        """
        first = f"{self.network.input.name}.{self._source}"
        last = f"{self.network.output.name}.values"
        kind = self.network.types[self.network.output.name]
        frames = checked_frames(images, self._input)
        values = np.empty((len(frames), kind.size), np.int64)

        def chunk(part: NDArray[Any], start: int) -> None:
            data = as_bytes(part) if self._narrow else part.astype(np.int64)
            array = self._run_plan(self._fast, data, first)[last]
            values[start : start + len(part)] = array[: len(part), : kind.size]

        self._spread(frames, self._fast, chunk)
        return values.reshape(-1, *kind.shape)

    def _spread(
        self, frames: NDArray[Any], plan: Plan, work: Callable[[NDArray[Any], int], None]
    ) -> None:
        """``work`` on each chunk of frames, of a size for ``plan``, and its first index."""
        share = -(-len(frames) // self.threads)
        most = max(1, CHUNK_BYTES // plan.frame_bytes)
        size = min(CHUNK_IMAGES, most, max(THREAD_IMAGES, share))

        def checked_work(start: int) -> None:
            part = frames[start : start + size]
            check_values(part, self._input, start)
            work(part, start)

        starts = range(0, len(frames), size)
        if min(self.threads, len(starts)) <= 1:
            for start in starts:
                checked_work(start)
            return
        with ThreadPoolExecutor(min(self.threads, len(starts))) as pool:
            for _ in pool.map(checked_work, starts):
                pass


def as_bytes(frames: NDArray[Any]) -> NDArray[np.uint8]:
    """Low bytes of integers, without a copy where they are bytes."""
    if frames.dtype.itemsize == 1:
        return frames.view(np.uint8)
    return frames.astype(np.uint8)


def checked_frames(images: NDArray[Any], kind: TensorType) -> NDArray[Any]:
    """``images`` as contiguous integers of shape (n, size), or a :class:`DataError`."""
    array = np.asarray(images)
    if array.shape[1:] != kind.shape or array.ndim == 0:
        wanted = ", ".join(map(str, ("n", *kind.shape)))
        raise DataError(f"images must have shape ({wanted}), not {array.shape}")
    if array.dtype.kind not in "iu":
        raise DataError(f"images must be integers, values of {kind.element}, not {array.dtype}")
    return np.ascontiguousarray(array).reshape(len(array), kind.size)


def all_of_type(frames: NDArray[Any], element: DataType) -> bool:
    """Whether all integers are values of ``element``; each test is one pass at memory speed."""
    limits = np.iinfo(frames.dtype)
    if element.min > limits.min and frames.min() < element.min:
        return False
    if element.max < limits.max and frames.max() > element.max:
        return False
    return element.step == 1 or bool(np.bitwise_and.reduce(frames, axis=None) & 1)


def check_values(frames: NDArray[Any], kind: TensorType, first: int) -> None:
    """Raise a :class:`DataError` that names the first element which is no value of the type."""
    element = kind.element
    if frames.size == 0 or all_of_type(frames, element):
        return
    bad = (frames < element.min) | (frames > element.max)
    if element.kind is Kind.BIPOLAR:
        bad |= frames == 0
    image, index = np.argwhere(bad)[0]
    raise DataError(
        f"images must hold values of {element}, not {frames[image, index]} "
        f"(image {first + image}, element {index})"
    )
