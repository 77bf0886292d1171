# SPDX-License-Identifier: Apache-2.0
"""The compiled simulator, called through its C interface (see ``harness.cc``)."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, c_char_p, c_int, c_int64, c_uint16, c_uint32, c_void_p
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import OutputError, SimulationError
from xnorflow.sim.stalls import Stalls

__all__ = ["Simulator", "Status", "open_simulator"]

Words = NDArray[np.uint32]
Cycles = NDArray[np.int64]

SIGNATURES: dict[str, tuple[Any, ...]] = {
    "open": (c_void_p,),
    "close": (None, c_void_p),
    "width": (c_int64, c_void_p, c_int64),
    "expect": (None, c_void_p, c_int64, c_int64, POINTER(c_uint32), POINTER(c_int64)),
    "send": (None, c_void_p, POINTER(c_uint32), c_int64, c_int64),
    "load": (c_int, c_void_p, POINTER(c_uint16), c_int64),
    "stall": (None, c_void_p, c_uint32, c_uint32, c_uint32, c_uint32),
    "open_waves": (c_int, c_void_p, c_char_p),
    "waves_failed": (c_int, c_void_p),
    "run": (c_int, c_void_p, c_int64, c_int64),
    "one_free_cycle": (None, c_void_p),
    "cycle": (c_int64, c_void_p),
    "count": (c_int64, c_void_p, c_int64),
    "overrun_tap": (c_int64, c_void_p),
    "state": (c_int, c_void_p, c_int64),
}
"""Result and argument types of each function ``xnorflow_NAME``."""


class Status(IntEnum):
    """Why :meth:`Simulator.run` came back."""

    RUNNING = 0
    DONE = 1
    QUIET = 2
    TOO_MANY_BEATS = 3
    WRONG_TLAST = 4


class Simulator:
    """One simulation of a design, after its reset.

    Streams are numbered as they were tapped; ``m_axis`` comes last. Buffers passed to it are kept
    until it is closed.

    Parameters
    ----------
    path
        The library.
    """

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        for name, (result, *arguments) in SIGNATURES.items():
            function = getattr(self._library, f"xnorflow_{name}")
            function.restype, function.argtypes = result, arguments
        self._handle = self._library.xnorflow_open()
        self._buffers: list[NDArray[Any]] = []

    def close(self) -> None:
        """Free its memory and close the waves."""
        self._library.xnorflow_close(self._handle)

    def width_bits(self, tap: int) -> int:
        """Bits of the payload of a stream."""
        return int(self._library.xnorflow_width(self._handle, tap))

    def expect(self, tap: int, beats: int, payloads: Words | None, cycles: Cycles | None) -> None:
        """Run until ``beats`` beats have moved on a stream; note them if buffers are given."""
        self._buffers += [buffer for buffer in (payloads, cycles) if buffer is not None]
        self._library.xnorflow_expect(
            self._handle, tap, beats, words_pointer(payloads), cycles_pointer(cycles)
        )

    def send(self, payloads: Words, output_beats_per_frame: int) -> None:
        """Send the rows of ``payloads`` to s_axis; says where m_axis_tlast must be high."""
        self._buffers.append(payloads)
        self._library.xnorflow_send(
            self._handle, words_pointer(payloads), len(payloads), output_beats_per_frame
        )

    def load(self, weights: NDArray[np.uint16]) -> None:
        """Load the weights, shape ``(words,)``, before the first cycle."""
        words = np.ascontiguousarray(weights)
        pointer = words.ctypes.data_as(POINTER(c_uint16))
        if not self._library.xnorflow_load(self._handle, pointer, len(words)):
            raise SimulationError(
                f"the accelerator must take {len(words):,} words of weights and no more"
            )

    def stall(self, stalls: Stalls) -> None:
        """Let both ends pause."""
        self._library.xnorflow_stall(
            self._handle,
            stalls.source_key,
            stalls.source_probability,
            stalls.sink_key,
            stalls.sink_probability,
        )

    def open_waves(self, path: Path) -> None:
        """Write all signals to a VCD file from now on; needs a library built for it."""
        if not self._library.xnorflow_open_waves(self._handle, str(path).encode()):
            raise OutputError(f"cannot write {path}: the file cannot be made")

    def run(self, cycles: int, quiet_bound: int) -> Status:
        """Run for at most so many cycles, or until nothing has moved for ``quiet_bound`` cycles."""
        return Status(self._library.xnorflow_run(self._handle, cycles, quiet_bound))

    def one_free_cycle(self) -> None:
        """Run one cycle in which neither end pauses."""
        self._library.xnorflow_one_free_cycle(self._handle)

    @property
    def waves_failed(self) -> bool:
        """Whether the waves could not be written completely."""
        return bool(self._library.xnorflow_waves_failed(self._handle))

    @property
    def cycle(self) -> int:
        """Cycles since reset."""
        return int(self._library.xnorflow_cycle(self._handle))

    def count(self, tap: int) -> int:
        """Beats that have moved on a stream."""
        return int(self._library.xnorflow_count(self._handle, tap))

    @property
    def overrun_tap(self) -> int:
        """The stream with too many beats."""
        return int(self._library.xnorflow_overrun_tap(self._handle))

    def state(self, tap: int) -> tuple[bool, bool]:
        """Valid and ready of a stream in the last cycle."""
        bits = int(self._library.xnorflow_state(self._handle, tap))
        return bool(bits & 1), bool(bits & 2)


def words_pointer(array: Words | None) -> Any:
    """Where the data of ``array`` start."""
    return None if array is None else array.ctypes.data_as(POINTER(c_uint32))


def cycles_pointer(array: Cycles | None) -> Any:
    """Where the data of ``array`` start."""
    return None if array is None else array.ctypes.data_as(POINTER(c_int64))


@contextmanager
def open_simulator(path: Path) -> Iterator[Simulator]:
    """A simulation that is closed at the end of the block."""
    simulator = Simulator(path)
    try:
        yield simulator
    finally:
        simulator.close()
