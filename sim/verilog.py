# SPDX-License-Identifier: Apache-2.0
"""Second opinions on the emitted Verilog: Icarus Verilog and Verilator, where they are installed.

Both read the Verilog with parsers of their own and run it with ``testbench.v``, which drives the
ports exactly as the RTL engine does, so values and cycles can be compared one by one.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import SimulationError, ToolError
from xnorflow.hw.emit import VERILOG_FILE
from xnorflow.hw.top import TOP_NAME, padded_width_bits
from xnorflow.hw.weight_loading import load_words
from xnorflow.ir import Dataflow, StreamType, load_graph
from xnorflow.ir.beats import WORD_BITS, checked_frames, payload_words, payloads_of, values_of
from xnorflow.sim.stalls import NO_STALLS, Stalls
from xnorflow.toolchain import failure_line, require_tool

__all__ = [
    "PortTrace",
    "compile_with_iverilog",
    "compile_with_verilator",
    "lint_with_verilator",
    "run_testbench",
    "simulate_with_iverilog",
    "simulate_with_verilator",
]

MAX_CYCLES = 2**32 - 1
LINT_MESSAGE = re.compile(r"^%(?:Warning|Error).*$", re.MULTILINE)

Command = list[str]
"""A compiled simulation: to be run in the design's folder, with plus arguments."""


@dataclass(frozen=True, slots=True)
class PortTrace:
    """The beats that left through ``m_axis``.

    Parameters
    ----------
    values
        Decoded, int64, shape ``(n, vectors * channels)``.
    cycles
        Cycle of each beat, int64, shape ``(n, beats_per_frame)``; counted as in
        :class:`~xnorflow.sim.rtl.RtlTrace`.
    """

    values: NDArray[np.int64]
    cycles: NDArray[np.int64]


def simulate_with_iverilog(
    folder: Path,
    frames: NDArray[Any],
    stalls: Stalls | None = None,
    max_cycles: int = MAX_CYCLES,
) -> PortTrace:
    """Run the design in ``folder`` with Icarus Verilog; some thousand cycles a second.

    Parameters
    ----------
    folder
        As :func:`xnorflow.hw.emit.write_design` wrote it.
    frames
        Shape ``(n, ...)``, n at least 1: values of the input stream in hardware order.
    stalls
        Pauses of source and sink, the same as those of the RTL engine; None for none.
    max_cycles
        Cycles after which to give up.

    Raises
    ------
    ToolError
        If the tool is missing or refuses the Verilog.
    SimulationError
        If the design gives fewer beats than it must, unknown bits, or a wrong ``tlast``.
    """
    return simulate(compile_with_iverilog, folder, frames, stalls, max_cycles)


def simulate_with_verilator(
    folder: Path,
    frames: NDArray[Any],
    stalls: Stalls | None = None,
    max_cycles: int = MAX_CYCLES,
) -> PortTrace:
    """Run the design in ``folder`` with Verilator: as :func:`simulate_with_iverilog`."""
    return simulate(compile_with_verilator, folder, frames, stalls, max_cycles)


def lint_with_verilator(folder: Path) -> tuple[str, ...]:
    """What Verilator's lint, all rules on, says of the design beyond the waivers beside it.

    Raises
    ------
    ToolError
        If Verilator is missing.
    """
    verilator = require_tool("verilator", "lint Verilog")
    waivers = "verilator.vlt"
    result = verilator.run(
        "--lint-only", "-Wall", "--top-module", TOP_NAME, waivers, VERILOG_FILE, folder=folder
    )
    messages = tuple(LINT_MESSAGE.findall(result.stderr + result.stdout))
    if result.returncode and not messages:
        raise ToolError(f"Verilator ({verilator.origin}) failed: {failure_line(result)}")
    return messages


def simulate(
    compiled: Callable[[Path, Path], Command],
    folder: Path,
    frames: NDArray[Any],
    stalls: Stalls | None,
    max_cycles: int,
) -> PortTrace:
    """Compile the design in ``folder`` with the testbench, and run it."""
    with tempfile.TemporaryDirectory(prefix="xnorflow-") as scratch:
        command = compiled(folder, Path(scratch))
        return run_testbench(command, folder, frames, stalls, max_cycles)


def compile_with_iverilog(folder: Path, scratch: Path) -> Command:
    """Compile the design in ``folder`` into ``scratch``."""
    iverilog = require_tool("iverilog", "simulate Verilog with it")
    output = scratch / "testbench.vvp"
    with as_file(files("xnorflow.sim") / "testbench.v") as testbench:
        result = iverilog.run(
            "-g2005",
            *width_macros(folder),
            "-s",
            "clocked_testbench",
            "-o",
            str(output),
            str(testbench),
            VERILOG_FILE,
            folder=folder,
        )
    if result.returncode:
        raise ToolError(f"Icarus Verilog refuses {VERILOG_FILE}: {failure_line(result)}")
    return ["vvp", "-n", str(output)]


def compile_with_verilator(folder: Path, scratch: Path) -> Command:
    """Compile the design in ``folder`` into ``scratch``.

    Memories without initial contents start with random ones.
    """
    verilator = require_tool("verilator", "simulate Verilog with it")
    package = files("xnorflow.sim")
    with (
        as_file(package / "testbench.v") as testbench,
        as_file(package / "verilator_main.cc") as main,
    ):
        result = verilator.run(
            "--cc",
            "--exe",
            "--build",
            *("-O3", "--x-assign", "unique", "--x-initial", "unique", "-Wno-fatal", "-Wno-lint"),
            *("-CFLAGS", "-O2"),
            *width_macros(folder),
            *("--top-module", "testbench", "--Mdir", str(scratch)),
            *(str(main), str(testbench), VERILOG_FILE),
            folder=folder,
        )
    if result.returncode:
        raise ToolError(f"Verilator refuses {VERILOG_FILE}: {failure_line(result)}")
    return [str(scratch / "Vtestbench"), "+verilator+rand+reset+2", "+verilator+seed+1"]


def width_macros(folder: Path) -> list[str]:
    """The testbench's macros for the design in ``folder``."""
    dataflow = load_graph(Dataflow, folder)
    ends = {"S_BITS": dataflow.input.name, "M_BITS": dataflow.output.name}
    macros = {macro: padded_width_bits(dataflow.types[end]) for macro, end in ends.items()}
    if words := len(load_words(dataflow)):
        macros["WEIGHTS"] = words
    return [f"-D{macro}={value}" for macro, value in macros.items()]


def run_testbench(
    command: Command,
    folder: Path,
    frames: NDArray[Any],
    stalls: Stalls | None = None,
    max_cycles: int = MAX_CYCLES,
) -> PortTrace:
    """Run a compiled simulation of the design in ``folder``."""
    dataflow = load_graph(Dataflow, folder)
    source = dataflow.types[dataflow.input.name]
    output = dataflow.types[dataflow.output.name]
    payloads = payloads_of(checked_frames(frames, source), source)
    expected = len(frames) * output.beats_per_frame
    with tempfile.TemporaryDirectory(prefix="xnorflow-") as scratch:
        beats, lines = Path(scratch) / "beats.txt", Path(scratch) / "output.txt"
        beats.write_text("".join(f"{hexadecimal(row)}\n" for row in payloads))
        options = {
            "beats": beats,
            "output": lines,
            "sent": len(payloads),
            "received": expected,
            "max_cycles": max_cycles,
        } | stall_options(stalls or NO_STALLS)
        start([*command, *(f"+{name}={value}" for name, value in options.items())], folder)
        return port_trace(lines.read_text().splitlines(), output, expected)


def stall_options(stalls: Stalls) -> dict[str, int]:
    """The testbench's plus arguments for ``stalls``."""
    return {
        "source_key": stalls.source_key,
        "source_probability": stalls.source_probability,
        "sink_key": stalls.sink_key,
        "sink_probability": stalls.sink_probability,
    }


def start(command: Command, folder: Path) -> None:
    """Run ``command`` in ``folder`` to its end."""
    try:
        result = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise ToolError(f"{command[0]} cannot be run: {error}") from error
    if result.returncode:
        raise ToolError(f"{command[0]} failed: {failure_line(result)}")


def hexadecimal(row: NDArray[np.uint32]) -> str:
    """A payload as hexadecimal digits."""
    return "".join(f"{word:08x}" for word in row[::-1].tolist())


def port_trace(lines: list[str], output: StreamType, expected: int) -> PortTrace:
    """What the testbench's lines say."""
    if len(lines) != expected:
        raise SimulationError(f"m_axis must give {expected} beats, not {len(lines)}")
    words = payload_words(padded_width_bits(output))
    payloads = np.zeros((expected, words), np.uint32)
    cycles = np.zeros(expected, np.int64)
    for beat, line in enumerate(lines):
        cycle, last, digits = line.split()
        check_beat(beat, last, digits, output)
        cycles[beat] = int(cycle)
        payloads[beat] = words_of(digits, words)
    return PortTrace(values_of(payloads, output), cycles.reshape(-1, output.beats_per_frame))


def check_beat(beat: int, last: str, digits: str, output: StreamType) -> None:
    """Refuse unknown bits and a wrong ``tlast``."""
    if set(last + digits) - set("0123456789abcdef"):
        raise SimulationError(f"m_axis must give known bits, not {digits} (beat {beat})")
    is_last = (beat + 1) % output.beats_per_frame == 0
    if (last == "1") != is_last:
        raise SimulationError(f"m_axis_tlast must be {int(is_last)}, not {last} (beat {beat})")


def words_of(digits: str, words: int) -> list[int]:
    """Hexadecimal digits as 32-bit words, the least significant first."""
    value = int(digits, 16)
    return [(value >> (WORD_BITS * word)) & 0xFFFFFFFF for word in range(words)]
