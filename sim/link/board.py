# SPDX-License-Identifier: Apache-2.0
"""A board that is simulated behind a pseudo-terminal: to the host, a serial port like any other."""

from __future__ import annotations

import os
import select
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from xnorflow.errors import ToolError
from xnorflow.hw.link import DEFAULT_BAUD, LineKind, Uart, cycles_per_bit, host_link_verilog
from xnorflow.ir import Dataflow
from xnorflow.sim.link.faults import NO_FAULTS, Faults, FaultyLine
from xnorflow.sim.link.simulator import BoardSimulator, build_board
from xnorflow.sim.rtl.cache import ObjectCache

__all__ = ["BoardOptions", "SimulatedBoard"]

CHUNK_CYCLES = 1000
"""Between two looks at the pseudo-terminal: some bytes on the line, less than a millisecond."""

READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class BoardOptions:
    """The board.

    Parameters
    ----------
    clock_hz
        Its clock.
    baud
        Bits a second on the line; with SPI, SCK in Hz.
    host_deviation
        By how much the host's bit rate is higher than ``baud``, as a share of it.
    faults
        What happens on the line.
    seed
        Of the generators that decide when.
    """

    clock_hz: float = 12e6
    baud: int = DEFAULT_BAUD
    host_deviation: float = 0.0
    faults: Faults = NO_FAULTS
    seed: int = 0


class SimulatedBoard:
    """The Verilog of a linked accelerator, cycle by cycle, behind a pseudo-terminal.

    It runs in a thread of its own from ``with`` to the end of the block, as fast as the simulator
    can, and rests while nothing comes.

    Parameters
    ----------
    dataflow
        The graph of the accelerator.
    options
        Clock, line and faults.
    cache
        Where compiled simulators are kept; by default in the user's cache folder.

    Attributes
    ----------
    port
        Path of the pseudo-terminal to open.
    resets
        How often the device was reset.
    cycles
        Clock cycles so far, without those in which nothing was under way.

    Raises
    ------
    ConfigError
        If the clock does not make the baud rate within 2 %.
    ToolError
        If Yosys or a C++ compiler is missing or fails, or the system has no pseudo-terminals.

    Examples
    --------
    ::

        with SimulatedBoard(dataflow) as board, RemoteAccelerator(run, board.port) as device:
            device.infer(images)
    """

    def __init__(
        self,
        dataflow: Dataflow,
        options: BoardOptions | None = None,
        cache: ObjectCache | None = None,
    ) -> None:
        self._options = options = options or BoardOptions()
        self._library = build_board(
            host_link_verilog(dataflow, options.clock_hz, Uart(options.baud)), LineKind.UART, cache
        )
        self._to_device = FaultyLine(options.faults, options.seed)
        self._to_host = FaultyLine(options.faults, options.seed + 1)
        self.resets = 0
        self.cycles = 0
        self.port = ""

    @property
    def faults(self) -> int:
        """Faults on the line so far, resets aside."""
        return self._to_device.count + self._to_host.count

    def __enter__(self) -> Self:
        self._host_end, self._device_end = open_terminal()
        self.port = os.ttyname(self._host_end)
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="simulated board", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._wake)
        self._thread.join()
        for end in (self._host_end, self._device_end, self._woken):
            os.close(end)

    def _serve(self) -> None:
        """Run the device whenever something is under way, until the pipe is closed."""
        options = self._options
        cycles = cycles_per_bit(options.clock_hz, options.baud) / (1 + options.host_deviation)
        simulator = BoardSimulator(self._library, cycles)
        rests = True
        try:
            while True:
                ready, _, _ = select.select(
                    [self._device_end, self._woken], [], [], None if rests else 0
                )
                if self._woken in ready:
                    return
                if ready:
                    self._send(simulator, os.read(self._device_end, READ_BYTES))
                rests = simulator.run(CHUNK_CYCLES)
                self.cycles = simulator.cycle
                self._answer(self._to_host.carry(simulator.take()))
        finally:
            simulator.close()

    def _send(self, simulator: BoardSimulator, octets: bytes) -> None:
        """Put bytes from the host on the line; a reset comes when those before it have arrived."""
        before = self._to_device.resets_after(octets)
        if before is not None:
            simulator.send(self._to_device.carry(octets[:before]))
            while simulator.sending:
                simulator.run(CHUNK_CYCLES)
            simulator.reset()
            self.resets += 1
            octets = octets[before:]
        simulator.send(self._to_device.carry(octets))

    def _answer(self, octets: bytes) -> None:
        """Pass bytes on to the host; those that it leaves until the end are lost."""
        while octets:
            ended, free, _ = select.select([self._woken], [self._device_end], [])
            if ended:
                return
            octets = octets[os.write(free[0], octets) :]


def open_terminal() -> tuple[int, int]:
    """A pseudo-terminal that carries bytes as they are: the host's end and the device's."""
    try:
        import tty

        device_end, host_end = os.openpty()
    except (ImportError, OSError) as error:
        raise ToolError(f"this system has no pseudo-terminals for a board: {error}") from error
    tty.setraw(host_end)
    return host_end, device_end
