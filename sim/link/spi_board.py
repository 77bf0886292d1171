# SPDX-License-Identifier: Apache-2.0
"""A board that is simulated behind an SPI, whose controller is this program."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from xnorflow.errors import ConfigError
from xnorflow.hw.link import LineKind, Spi, host_link_verilog, max_sck_hz
from xnorflow.hw.link.spi import FILLER
from xnorflow.ir import Dataflow
from xnorflow.sim.link.board import BoardOptions
from xnorflow.sim.link.faults import FaultyLine
from xnorflow.sim.link.simulator import BoardSimulator, build_board
from xnorflow.sim.rtl.cache import ObjectCache

__all__ = ["SimulatedSpiBoard"]

CHUNK_CYCLES = 64
"""Between two looks at whether a transfer is over."""

DATA_BITS = 8


class SimulatedSpiBoard:
    """The Verilog of a linked accelerator, cycle by cycle, behind the pins of an SPI.

    It runs while :meth:`exchange` does, as a transfer on a real board takes its time, and rests
    otherwise. From transfer to transfer the phase between SCK and the device's clock is another.

    Parameters
    ----------
    dataflow
        The graph of the accelerator.
    options
        Clock, SCK and faults. A reset comes in the middle of a transfer, wherever the device is.
    cache
        Where compiled simulators are kept; by default in the user's cache folder.

    Attributes
    ----------
    resets
        How often the device was reset.

    Raises
    ------
    ConfigError
        If SCK is too fast for the clock.
    ToolError
        If Yosys or a C++ compiler is missing or fails.

    Examples
    --------
    ::

        with (
            SimulatedSpiBoard(dataflow) as board,
            RemoteAccelerator(run, SpiPort(board)) as device,
        ):
            device.infer(images)
    """

    def __init__(
        self,
        dataflow: Dataflow,
        options: BoardOptions | None = None,
        cache: ObjectCache | None = None,
    ) -> None:
        options = options or BoardOptions()
        self._cycles_per_bit = options.clock_hz / (options.baud * (1 + options.host_deviation))
        most = max_sck_hz(options.clock_hz)
        if options.baud > most:
            raise ConfigError(
                f"SCK must be at most {most / 1e6:g} MHz with a clock of "
                f"{options.clock_hz / 1e6:g} MHz, not {options.baud / 1e6:g} MHz"
            )
        verilog = host_link_verilog(dataflow, options.clock_hz, Spi())
        self._library = build_board(verilog, LineKind.SPI, cache)
        self._to_device = FaultyLine(options.faults, options.seed)
        self._to_host = FaultyLine(options.faults, options.seed + 1)
        self.resets = 0

    @property
    def faults(self) -> int:
        """Faults on the line so far, resets aside."""
        return self._to_device.count + self._to_host.count

    @property
    def cycles(self) -> int:
        """Clock cycles so far, without those between transfers."""
        return self._simulator.cycle

    def __enter__(self) -> Self:
        self._simulator = BoardSimulator(self._library, self._cycles_per_bit)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def exchange(self, octets: bytes) -> bytes:
        """Send ``octets`` in one transfer; what came meanwhile, as many."""
        before = self._to_device.resets_after(octets)
        self._simulator.send(self._to_device.carry(octets))
        if before is not None:
            self._run(round((before + 0.5) * DATA_BITS * self._cycles_per_bit))
            self._simulator.reset()
            self.resets += 1
        while self._simulator.sending:
            self._simulator.run(CHUNK_CYCLES)
        came = self._to_host.carry(self._simulator.take())
        return came[: len(octets)].ljust(len(octets), bytes((FILLER,)))

    def _run(self, cycles: int) -> None:
        """Run so long, if the transfer takes so long."""
        end = self._simulator.cycle + cycles
        while self._simulator.sending and self._simulator.cycle < end:
            self._simulator.run(CHUNK_CYCLES)

    def close(self) -> None:
        """End the simulation, as the end of the block does."""
        self._simulator.close()
