# SPDX-License-Identifier: Apache-2.0
"""Memories go where Yosys puts them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xnorflow.hw.families import FAMILIES, Device, resource_of
from xnorflow.hw.memory_mapping import MemoryKind, MemoryShape, map_memory
from xnorflow.ir import RamStyle
from xnorflow.toolchain import require_tool

SIZES = (
    (2, 8),
    (5, 3),
    (16, 16),
    (17, 4),
    (33, 36),
    (40, 12),
    (64, 9),
    (90, 5),
    (129, 20),
    (200, 40),
    (257, 2),
    (300, 64),
    (512, 18),
    (513, 36),
    (700, 7),
    (1024, 1),
    (1025, 30),
    (2049, 8),
)
LARGE_ROM = 12000
"""Bits of ROMs, which Yosys reads slowly, that are left out."""

ROMS = [
    *(MemoryShape(words, width) for words, width in SIZES if words * width < LARGE_ROM),
    *(MemoryShape(words, width, style=RamStyle.BLOCK) for words, width in SIZES[2:12:3]),
]
RAMS = [
    *(MemoryShape(words, width, written=True) for words, width in SIZES[1::2]),
    *(MemoryShape(words, width, written=True, reads_old=True) for words, width in SIZES[::2]),
    MemoryShape(20000, 3, written=True),
    MemoryShape(2049, 36, written=True),
]
SLOW = (Device.ICE40, Device.XC7)
DEVICES = [
    pytest.param(device, marks=pytest.mark.slow) if device in SLOW else device for device in Device
]
LUT_RAMS = ("TRELLIS_DPR16X4", "RAM16SDP4", "RAM32M", "RAM64M", "RAM128X1D")
NO_COLLISIONS = '(* no_rw_check = "1" *) '


def module(name: str, shape: MemoryShape) -> str:
    """Verilog of a memory with a registered read port; a ROM reads its content from a file."""
    bits = max(1, shape.address_bits)
    attribute = NO_COLLISIONS if shape.written and not shape.reads_old else ""
    if shape.style is RamStyle.BLOCK:
        attribute = '(* ram_style = "block" *) '
    write = "    if (we) m[wa] <= d;\n" if shape.written else ""
    initial = "" if shape.written else f'  initial $readmemh("{name}.mem", m);\n'
    return (
        f"(* keep_hierarchy *)\nmodule {name}(input clk, we, re, input [{bits - 1}:0] wa, ra,\n"
        f"  input [{shape.width_bits - 1}:0] d, output reg [{shape.width_bits - 1}:0] q);\n"
        f"  {attribute}reg [{shape.width_bits - 1}:0] m [0:{shape.words - 1}];\n{initial}"
        f"  always @(posedge clk) begin\n{write}    if (re) q <= m[ra];\n  end\nendmodule\n"
    )


def top(shapes: list[MemoryShape]) -> str:
    """Verilog of a module with all memories."""
    parts = [
        f"  wire [{shape.width_bits - 1}:0] q{i};\n  m{i} i{i}(clk, we, re, wa, ra, d, q{i});\n"
        f"  assign q[{i}] = ^q{i};\n"
        for i, shape in enumerate(shapes)
    ]
    return (
        "module top(input clk, we, re, input [15:0] wa, ra, input [63:0] d,\n"
        f"  output [{len(shapes) - 1}:0] q);\n{''.join(parts)}endmodule\n"
    )


def cells_of_modules(
    shapes: list[MemoryShape], device: Device, folder: Path
) -> dict[str, dict[str, int]]:
    """Cells of each memory after the mapping of memories."""
    text = "".join(module(f"m{i}", shape) for i, shape in enumerate(shapes)) + top(shapes)
    (folder / "memories.v").write_text(text)
    rng = np.random.default_rng(0)
    for i, shape in enumerate(shapes):
        words = rng.integers(0, 1 << min(62, shape.width_bits), shape.words)
        (folder / f"m{i}.mem").write_text("".join(f"{word:x}\n" for word in words))
    command = FAMILIES[device].command.replace(" -flatten", "")
    flatten = "" if device is Device.XC7 else " -noflatten"
    script = folder / "map.ys"
    script.write_text(
        f"read_verilog memories.v\n{command}{flatten} -top top -run begin:map_ffram\n"
        "tee -q -o stat.json stat -json\n"
    )
    result = require_tool("yosys", "test").run(str(script), folder=folder)
    assert result.returncode == 0, result.stderr[-2000:]
    modules = json.loads((folder / "stat.json").read_text())["modules"]
    return {name.lstrip("\\"): m["num_cells_by_type"] for name, m in modules.items()}


@pytest.mark.parametrize("shapes", [ROMS, RAMS], ids=["roms", "rams"])
@pytest.mark.parametrize("device", DEVICES)
def test_memories_are_where_yosys_puts_them(
    shapes: list[MemoryShape], device: Device, tmp_path: Path
) -> None:
    cells = cells_of_modules(shapes, device, tmp_path)
    for number, shape in enumerate(shapes):
        found = cells[f"m{number}"]
        blocks = sum(
            count * resource_of(device, cell)[1]
            for cell, count in found.items()
            if not cell.startswith("$") and resource_of(device, cell)[0] == "BRAM"
        )
        lut_rams = sum(count for cell, count in found.items() if cell in LUT_RAMS)
        mapped = map_memory(shape, device)
        expected = {MemoryKind.BLOCK: (mapped.cells, 0), MemoryKind.DISTRIBUTED: (0, mapped.cells)}
        assert (blocks, lut_rams) == expected.get(mapped.kind, (0, 0)), (shape, found)


def test_style_of_weights() -> None:
    small, large = (64, 8), (4096, 32)
    for device in Device:
        block = map_memory(MemoryShape(*small, style=RamStyle.BLOCK), device)
        logic = map_memory(MemoryShape(*large, style=RamStyle.DISTRIBUTED), device)
        assert (block.kind, logic.kind) == (MemoryKind.BLOCK, MemoryKind.LOGIC)
