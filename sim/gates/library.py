# SPDX-License-Identifier: Apache-2.0
"""The compiled netlist, called through its C interface (see ``harness.cc``)."""

from __future__ import annotations

import ctypes
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_uint16, c_uint32, c_void_p
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import SimulationError
from xnorflow.sim.stalls import Stalls

__all__ = ["NetlistSimulator", "Status", "aligned_zeros", "open_netlist"]

ALIGNMENT = 64
"""Bytes: what the longest vectors of a processor want."""

SIGNATURES: dict[str, tuple[Any, ...]] = {
    "facts": (c_char_p,),
    "start": (
        None,
        c_void_p,
        c_int64,
        c_void_p,
        POINTER(c_int64),
        c_int64,
        c_int64,
        c_uint32,
        c_uint32,
        c_uint32,
        c_uint32,
    ),
    "load": (c_int, POINTER(c_uint16), c_int64),
    "run": (c_int, c_int64, c_int64),
    "cycle": (c_int64,),
    "sent": (c_int64,),
    "received": (c_int64,),
    "s_width": (c_int32,),
    "m_width": (c_int32,),
}
"""Result and argument types of each function ``xnorflow_NAME``."""


class Status(IntEnum):
    """Why :meth:`NetlistSimulator.run` came back."""

    RUNNING = 0
    DONE = 1
    QUIET = 2
    TOO_MANY_BEATS = 3
    WRONG_TLAST = 4
    LANES_DIFFER = 5


class NetlistSimulator:
    """The one simulation that a library holds.

    Parameters
    ----------
    path
        The library.

    Attributes
    ----------
    facts
        What it tells of its netlist.
    s_width_bits, m_width_bits
        Bits of ``s_axis_tdata`` and ``m_axis_tdata``.
    """

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        for name, (result, *arguments) in SIGNATURES.items():
            function = getattr(self._library, f"xnorflow_{name}")
            function.restype, function.argtypes = result, arguments
        self.facts: dict[str, Any] = json.loads(self._library.xnorflow_facts())
        self.s_width_bits = int(self._library.xnorflow_s_width())
        self.m_width_bits = int(self._library.xnorflow_m_width())
        self._buffers: tuple[NDArray[Any], ...] = ()

    def start(
        self,
        beats: NDArray[np.uint8],
        payloads: NDArray[np.uint8],
        cycles: NDArray[np.int64],
        output_beats_per_frame: int,
        stalls: Stalls,
    ) -> None:
        """Reset the design, and say what to send and where received beats go.

        Parameters
        ----------
        beats, payloads
            Shape ``(beats, bits, lanes / 8)``: beats to send to ``s_axis``, and room for those of
            ``m_axis``; made by :func:`aligned_zeros`. Bit ``i % 8`` of byte ``i // 8`` is lane i's.
        cycles
            Room for the cycle of each received beat.
        output_beats_per_frame
            Says where ``m_axis_tlast`` must be high.
        """
        self._buffers = (beats, payloads, cycles)
        self._library.xnorflow_start(
            beats.ctypes.data,
            len(beats),
            payloads.ctypes.data,
            cycles.ctypes.data_as(POINTER(c_int64)),
            len(payloads),
            output_beats_per_frame,
            stalls.source_key,
            stalls.source_probability,
            stalls.sink_key,
            stalls.sink_probability,
        )

    def load(self, weights: NDArray[np.uint16]) -> None:
        """Load the weights of all lanes, shape ``(words,)``, before the first cycle."""
        words = np.ascontiguousarray(weights)
        if not self._library.xnorflow_load(words.ctypes.data_as(POINTER(c_uint16)), len(words)):
            raise SimulationError(
                f"the accelerator must take {len(words):,} words of weights and no more"
            )

    def run(self, cycles: int, quiet_bound: int) -> Status:
        """Run for at most so many cycles, or until nothing has moved for ``quiet_bound`` cycles."""
        return Status(self._library.xnorflow_run(cycles, quiet_bound))

    @property
    def cycle(self) -> int:
        """Cycles since reset."""
        return int(self._library.xnorflow_cycle())

    @property
    def sent(self) -> int:
        """Beats that have entered."""
        return int(self._library.xnorflow_sent())

    @property
    def received(self) -> int:
        """Beats that have left."""
        return int(self._library.xnorflow_received())


LOCK = threading.Lock()
"""A library has one state, whoever opens it."""


@contextmanager
def open_netlist(path: Path) -> Iterator[NetlistSimulator]:
    """A simulation for the length of the block, and no other in this process."""
    with LOCK:
        yield NetlistSimulator(path)


def aligned_zeros(*shape: int) -> NDArray[np.uint8]:
    """Zero bytes that begin where vectors may."""
    size = int(np.prod(shape))
    octets = np.zeros(size + ALIGNMENT, np.uint8)
    start = -octets.ctypes.data % ALIGNMENT
    return octets[start : start + size].reshape(shape)
