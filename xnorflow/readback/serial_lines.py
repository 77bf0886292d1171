# SPDX-License-Identifier: Apache-2.0
"""The lines to simulated boards, and frames on them."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_char_p, c_int, c_int64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnorflow.errors import SimulationError
from xnorflow.hw.link import Frame, FrameDecoder, encode_frame

__all__ = ["LineTiming", "SerialLines", "open_lines"]

SIGNATURES: dict[str, tuple[Any, ...]] = {
    "lanes": (c_int,),
    "start": (None, c_int64),
    "send": (None, c_int, c_char_p, c_int64, c_int64),
    "run": (c_int64, c_int64),
    "rest": (c_int64, c_int64),
    "take": (c_int, c_int),
    "waiting": (c_int64,),
    "cycles": (c_int64,),
}
"""Result and argument types of each function ``xnorflow_NAME``."""

LOCK = threading.Lock()
"""A library has one state, whoever opens it."""


@dataclass(frozen=True, slots=True)
class LineTiming:
    """How fast bytes go.

    Parameters
    ----------
    bit_cycles
        Clock cycles of a bit.
    byte_bits
        Bits of a byte on the line.
    """

    bit_cycles: int
    byte_bits: int

    @property
    def byte_cycles(self) -> int:
        """Clock cycles of a byte."""
        return self.bit_cycles * self.byte_bits


class SerialLines:
    """The host's ends of the lines to simulated boards.

    Parameters
    ----------
    library
        The library, from which nothing else is run meanwhile.
    timing
        How fast bytes go.
    key
        Key of the design's link.
    """

    def __init__(self, library: ctypes.CDLL, timing: LineTiming, key: int) -> None:
        self._library, self._timing, self._key = library, timing, key
        self._decoders = [FrameDecoder(key) for _ in range(self.count)]

    @property
    def count(self) -> int:
        """Number of boards."""
        return int(self._library.xnorflow_lanes())

    @property
    def waiting(self) -> int:
        """Bytes that are still to be sent."""
        return int(self._library.xnorflow_waiting())

    @property
    def cycles(self) -> int:
        """Clock cycles since configuration."""
        return int(self._library.xnorflow_cycles())

    def rest(self, cycles: int) -> None:
        """Let ``cycles`` pass, in which nothing may come.

        Raises
        ------
        SimulationError
            If something comes.
        """
        if came := self._library.xnorflow_rest(cycles):
            raise SimulationError(
                f"the board must be silent until it is spoken to, not send {came} bytes"
            )

    def ask(self, requests: Sequence[Frame], patience: int) -> Iterator[dict[int, Frame]]:
        """Send each board one request, and wait until each has answered.

        All requests end at the same time, so boards whose work does not depend on data go in step.

        Parameters
        ----------
        requests
            For the first boards.
        patience
            Number of cycles in which some byte must come.

        Yields
        ------
        dict of int to Frame
            Now and then: the answers that have come since, by number of the board.

        Raises
        ------
        SimulationError
            If no byte comes for so long.
        """
        octets = [encode_frame(request, self._key) for request in requests]
        byte_cycles = self._timing.byte_cycles
        longest = max(map(len, octets))
        for lane, each in enumerate(octets):
            delay = (longest - len(each)) * byte_cycles
            self._library.xnorflow_send(lane, each, len(each), delay)
        missing = set(range(len(requests)))
        silence = 0
        while missing:
            silence = 0 if self._library.xnorflow_run(byte_cycles) else silence + byte_cycles
            if silence > patience:
                late = requests[min(missing)]
                raise SimulationError(
                    f"the board must answer within {patience:,} cycles (request "
                    f"{late.type.name}, number {late.sequence})"
                )
            answers = {} if silence else self._answers(missing)
            missing -= answers.keys()
            yield answers

    def _answers(self, lanes: set[int]) -> dict[int, Frame]:
        """The first frame that each of ``lanes`` has sent."""
        answers: dict[int, Frame] = {}
        for lane in lanes:
            while (byte := self._library.xnorflow_take(lane)) >= 0:
                for frame in self._decoders[lane].feed(bytes((byte,))):
                    answers.setdefault(lane, frame)
        return answers


@contextmanager
def open_lines(library: Path, timing: LineTiming, key: int) -> Iterator[SerialLines]:
    """The lines to the boards that ``library`` simulates, from their configuration on."""
    loaded = ctypes.CDLL(str(library))
    for name, (result, *arguments) in SIGNATURES.items():
        function = getattr(loaded, f"xnorflow_{name}")
        function.restype, function.argtypes = result, arguments
    with LOCK:
        loaded.xnorflow_start(timing.bit_cycles)
        yield SerialLines(loaded, timing, key)
