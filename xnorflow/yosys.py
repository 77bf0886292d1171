# SPDX-License-Identifier: Apache-2.0
"""Synthesis by Yosys, of which no netlist is taken that ABC itself calls wrong.

Around carry cells Yosys lets ABC map logic, and ABC compares what it made with what it was given.
``&mfs``, its last step, is wrong at times, in one run and not in another. Yosys logs what the
comparison said, and goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xnorflow.errors import ToolError
from xnorflow.toolchain import Tool, failure_line

__all__ = ["ATTEMPTS", "careful_synthesis", "run_synthesis"]

ATTEMPTS = 4
"""Runs of a script as it is. Of one netlist, two runs of three have been wrong."""

WRONG_MAPPING = "Networks are NOT EQUIVALENT"

WITHOUT_MFS = (
    'scratchpad -set abc9.script "+&scorr; &sweep; &dc2; &dch -f -r; &ps; &if {W} {D} {R} -v"\n'
)
"""Yosys' own commands for ABC but the last. A few LUTs more come of it."""


def run_synthesis(yosys: Tool, script: Path, folder: Path, product: Path, verilog: Path) -> None:
    """Run ``script``, again if ABC says that its mapping is wrong, at last without ``&mfs``.

    Parameters
    ----------
    yosys
        The tool, which prints what it logs.
    script
        A file of commands that read ``verilog``, synthesise it and write ``product``.
    folder
        Where it runs.
    product
        A file that is there if the script came to its end.
    verilog
        The design, for messages.

    Raises
    ------
    ToolError
        If Yosys fails, or all mappings were wrong.
    """
    for commands in attempts(script):
        if is_right(yosys, commands, folder, product, verilog):
            return
    raise ToolError(
        f"Yosys {yosys.version} cannot synthesise {verilog}: by ABC's own comparison its mapping "
        f"was wrong {ATTEMPTS + 1} times in a row"
    )


def careful_synthesis(
    yosys: Tool, script: Path, folder: Path, product: Path, verilog: Path
) -> None:
    """Run ``script`` without ``&mfs``: one netlist for one design.

    Parameters and errors are those of :func:`run_synthesis`.
    """
    if not is_right(yosys, without_mfs(script), folder, product, verilog):
        raise ToolError(
            f"Yosys {yosys.version} cannot synthesise {verilog}: by ABC's own comparison its "
            "mapping was wrong"
        )


def is_right(yosys: Tool, script: Path, folder: Path, product: Path, verilog: Path) -> bool:
    """Run ``script``; whether ABC finds its mapping right."""
    result = yosys.run(str(script.resolve()), folder=folder)
    if result.returncode or not product.exists():
        raise ToolError(f"Yosys cannot synthesise {verilog}: {failure_line(result)}")
    return WRONG_MAPPING not in result.stdout


def attempts(script: Path) -> Iterator[Path]:
    """The scripts to run, one after the other."""
    for _ in range(ATTEMPTS):
        yield script
    yield without_mfs(script)


def without_mfs(script: Path) -> Path:
    """A script that does as ``script``, without ``&mfs``."""
    careful = script.with_stem(f"{script.stem}_without_mfs")
    careful.write_text(WITHOUT_MFS + script.read_text())
    return careful
