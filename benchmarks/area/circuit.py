# SPDX-License-Identifier: Apache-2.0
"""A combinational function that contenders build, and the proof that each computes it.

What is proven is the synthesised netlist, the very cells that are counted, on random vectors.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.area.netlist import Proof
from xnorflow.errors import ToolError
from xnorflow.hw.families import Device
from xnorflow.toolchain import failure_line, require_tool

__all__ = ["TOP", "Bits", "Circuit", "Contender", "NotAvailableError", "Port", "netlist_proof"]

TOP = "contender"
"""Name of a contender's top module."""

VECTORS = 256
INPUT_FILE = "inputs.mem"

Bits = NDArray[np.bool_]
"""Vectors of bits, shape ``(vectors, bits)``, bit 0 first."""

TESTBENCH = """\
module testbench;
  reg [{inputs}-1:0] vectors [0:{last}];
  reg [{inputs}-1:0] i;
  wire [{outputs}-1:0] o;
  integer n;
  {top} dut ({ports});
  initial begin
    $readmemb("{file}", vectors, 0, {last});
    for (n = 0; n <= {last}; n = n + 1) begin
      i = vectors[n];
      #1 $display("%b", o);
    end
  end
endmodule
"""


class NotAvailableError(Exception):
    """A contender cannot be made for a family, or its generator is not installed; says why."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a module."""

    name: str
    width_bits: int


@dataclass(frozen=True, slots=True)
class Circuit:
    """A combinational function.

    Parameters
    ----------
    subject
        What it is, for the table.
    inputs, outputs
        Ports of the module :data:`TOP`.
    operations
        XNOR-accumulates that it does: what LUTs are divided by.
    compute
        Values of all outputs, side by side, for those of all inputs, side by side.
    """

    subject: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operations: int
    compute: Callable[[Bits], Bits]

    @property
    def input_bits(self) -> int:
        """Bits of all inputs."""
        return sum(port.width_bits for port in self.inputs)

    @property
    def output_bits(self) -> int:
        """Bits of all outputs."""
        return sum(port.width_bits for port in self.outputs)

    def vectors(self, seed: int = 0) -> Bits:
        """Random inputs: of all shares of ones, from none to all, and most of them even."""
        rng = np.random.default_rng(seed)
        shares = np.full(VECTORS, 0.5)
        shares[: VECTORS // 4] = np.linspace(0, 1, VECTORS // 4)
        return np.asarray(rng.random((VECTORS, self.input_bits)) < shares[:, None])


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to build a circuit.

    Parameters
    ----------
    name
        Of the row in the table.
    verilog
        Text of a module :data:`TOP` with the circuit's ports, for a family; raises
        :class:`NotAvailableError` where it cannot be built.
    encode
        Inputs as this contender wants them, for those of the circuit. What it does happens once,
        outside the hardware: so do weights get their place in a memory.
    """

    name: str
    verilog: Callable[[Device], str]
    encode: Callable[[Device, Bits], Bits] = lambda _, bits: bits


def netlist_proof(circuit: Circuit, contender: Contender, device: Device) -> Proof:
    """The proof that a netlist of ``contender`` computes ``circuit``, on random vectors.

    It raises a ToolError if Icarus Verilog is missing or fails, and an AssertionError if an output
    is wrong: a count would be void.
    """
    vectors = circuit.vectors()
    sent = contender.encode(device, vectors)
    want = circuit.compute(vectors)
    if len(np.unique(want, axis=0)) < 2:
        raise AssertionError(f"{circuit.subject}: these vectors tell nothing apart")

    def check(verilog: str) -> None:
        wrong = int(np.sum(np.any(simulated(circuit, sent, verilog) != want, axis=1)))
        if wrong:
            raise AssertionError(
                f"{contender.name} on {device}, {circuit.subject}: {wrong} of {len(want)} random "
                "vectors give a wrong output"
            )

    return Proof(hashlib.sha256(sent.tobytes() + want.tobytes()).hexdigest(), check)


def simulated(circuit: Circuit, vectors: Bits, verilog: str) -> Bits:
    """Outputs of the module :data:`TOP` of ``verilog``, by Icarus Verilog; X counts as 0."""
    text = TESTBENCH.format(
        inputs=circuit.input_bits,
        outputs=circuit.output_bits,
        last=len(vectors) - 1,
        top=TOP,
        file=INPUT_FILE,
        ports=", ".join([*slices(circuit.inputs, "i"), *slices(circuit.outputs, "o")]),
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / INPUT_FILE).write_text("".join(digits(row) + "\n" for row in vectors))
        (folder / "testbench.v").write_text(text + verilog)
        lines = run_iverilog(folder, "testbench.v").split()
    return np.array([[bit == "1" for bit in reversed(line)] for line in lines])


def run_iverilog(folder: Path, file: str) -> str:
    """What the module ``testbench`` of ``file`` in ``folder`` prints."""
    iverilog = require_tool("iverilog", "prove that what is counted is right")
    compiled = iverilog.run("-g2005", "-s", "testbench", "-o", "testbench.vvp", file, folder=folder)
    if compiled.returncode:
        raise ToolError(f"Icarus Verilog refuses {file}: {failure_line(compiled)}")
    command = ["vvp", "-n", "testbench.vvp"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ToolError(f"Icarus Verilog cannot run {file}: {failure_line(result)}")
    return result.stdout


def slices(ports: tuple[Port, ...], signal: str) -> list[str]:
    """Connections of the ports to the bits of ``signal``, the first one lowest."""
    connections, low = [], 0
    for port in ports:
        connections.append(f".{port.name}({signal}[{low + port.width_bits - 1}:{low}])")
        low += port.width_bits
    return connections


def digits(bits: Bits) -> str:
    """Bits as a binary number."""
    return "".join("01"[int(bit)] for bit in reversed(bits))
