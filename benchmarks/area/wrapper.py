# SPDX-License-Identifier: Apache-2.0
"""A frame of shift registers, in which a design with any number of ports fits on any part.

One pin feeds a shift register whose bits are the design's inputs. Its outputs are taken into
registers, and a second shift register adds them, exclusive or, to what passes. So nothing of the
design can be left out, every one of its paths runs from a register to a register, and no net of the
frame has more than one reader that the design does not give it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benchmarks.area.circuit import Port
from xnorflow.hw.emit import VerilogSources, WeightStorage, component_verilog

__all__ = ["WRAPPER", "Boundary", "ShiftWrapper", "wrapped"]

WRAPPER = "wrapper"
"""Name of the frame's module, the top one."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Module and ports of a design.

    Parameters
    ----------
    module
        Name of its top module.
    inputs, outputs
        Its ports but for the clock.
    clock
        Name of the clock's port; "" if there is none.
    """

    module: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    clock: str = ""

    @property
    def input_bits(self) -> int:
        """Bits of all inputs."""
        return sum(port.width_bits for port in self.inputs)

    @property
    def output_bits(self) -> int:
        """Bits of all outputs."""
        return sum(port.width_bits for port in self.outputs)


class ShiftWrapper(wiring.Component):
    """A design between two shift registers.

    It consists of ``input_bits + 2 * output_bits`` flip-flops and of ``output_bits - 1`` LUTs.

    Parameters
    ----------
    boundary
        Of the design, which is given as Verilog beside this.

    Members
    -------
    serial_in : In(1)
    serial_out : Out(1)
    """

    def __init__(self, boundary: Boundary) -> None:
        super().__init__({"serial_in": In(1), "serial_out": Out(1)})
        self._boundary = boundary

    def elaborate(self, platform: object) -> Module:
        """Build both registers around an instance."""
        m = Module()
        boundary = self._boundary
        driven = Signal(boundary.input_bits, reset_less=True)
        given = Signal(boundary.output_bits)
        taken = Signal(boundary.output_bits, reset_less=True)
        passing = Signal(boundary.output_bits, reset_less=True)
        m.d.sync += [
            driven.eq(Cat(self.serial_in, driven)),
            taken.eq(given),
            passing.eq(taken ^ Cat(Const(0, 1), passing)[: boundary.output_bits]),
        ]
        m.d.comb += self.serial_out.eq(passing[-1])
        pins = {
            **pins_of("i", boundary.inputs, driven),
            **pins_of("o", boundary.outputs, given),
            **({f"i_{boundary.clock}": ClockSignal()} if boundary.clock else {}),
        }
        m.submodules.design = Instance(boundary.module, **pins)
        return m


def pins_of(prefix: str, ports: Sequence[Port], bits: Signal) -> dict[str, object]:
    """Arguments of the instance for ``ports``, the first one at the lowest of ``bits``."""
    pins, low = {}, 0
    for port in ports:
        pins[f"{prefix}_{port.name}"] = bits[low : low + port.width_bits]
        low += port.width_bits
    return pins


def wrapped(sources: VerilogSources, boundary: Boundary) -> VerilogSources:
    """``sources`` with a frame around; its top module is :data:`WRAPPER`."""
    frame = component_verilog(ShiftWrapper(boundary), WRAPPER, WeightStorage.INLINE)
    return VerilogSources(frame.verilog + sources.verilog, sources.memories)
