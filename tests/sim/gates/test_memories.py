# SPDX-License-Identifier: Apache-2.0
"""Memories of every kind as netlists, against numpy: addresses that the lanes share or do not.

What a family makes of a memory (LUT RAM, block RAM in its many widths, lookup tables) is simulated;
the expected values come from the Verilog's meaning alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from xnorflow.hw.families import Device

LANES = 64
WIDTH = 64
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Ram:
    """A memory with a port to write and one to read.

    ``read`` is "async", "sync", or, on the same port as writing, "old", "new" or "keep".
    """

    depth_bits: int
    width: int
    read: str
    style: str = "auto"
    byte: int = 0

    def verilog(self) -> str:
        """Fields of a beat, from bit 0: write enables of 4 bytes, read enable, addresses, data."""
        bits, width = self.depth_bits, self.width
        shared = self.read in ("old", "new", "keep")
        raddr = "wa" if shared else "ra"
        byte = self.byte or width
        writes = "".join(
            f"if (go && we[{i}]) m[wa][{i * byte} +: {byte}] <= d[{i * byte} +: {byte}];\n"
            for i in range(width // byte)
        )
        reads = {
            "async": "always @* q = m[ra];",
            "sync": "always @(posedge aclk) if (go && re) q <= m[ra];",
            "old": "always @(posedge aclk) if (go && re) q <= m[wa];",
            "new": "always @(posedge aclk) if (go && re) q <= we[0] ? d : m[wa];",
            "keep": "always @(posedge aclk) if (go && re && !we[0]) q <= m[wa];",
        }
        return f"""
          wire [3:0] we = s_axis_tdata[3:0];
          wire re = s_axis_tdata[4];
          wire [{bits - 1}:0] wa = s_axis_tdata[5 +: {bits}], {raddr}x = s_axis_tdata[18 +: {bits}];
          wire [{bits - 1}:0] ra = s_axis_tdata[18 +: {bits}];
          wire [{width - 1}:0] d = s_axis_tdata[31 +: 33];
          (* ram_style = "{self.style}" *) reg [{width - 1}:0] m [0:{2**bits - 1}];
          reg [{width - 1}:0] q = 0;
          integer i;
          initial for (i = 0; i < {2**bits}; i = i + 1) m[i] = i * 11 + 5;
          always @(posedge aclk) begin {writes} end
          {reads[self.read]}
          assign m_axis_tdata = q;
        """

    def expected(self, beats: Array) -> Array:
        rows = np.arange(2**self.depth_bits)
        lane = np.arange(LANES)
        full = 2**self.width - 1
        memory = np.tile((rows * 11 + 5) & full, (LANES, 1))
        q = np.zeros(LANES, np.int64)
        shown = []
        for beat in beats:
            mask = 2**self.depth_bits - 1
            wa, ra, d = beat >> 5 & mask, beat >> 18 & mask, beat >> 31 & full
            address = ra if self.read in ("async", "sync") else wa
            re, we = beat >> 4 & 1, beat & 1
            seen = memory[lane, address].copy()
            if self.read == "async":
                q = seen
            shown.append(q)
            if self.read != "async":
                take = re & (1 - we) if self.read == "keep" else re
                q = np.where(take, np.where(we, d, seen) if self.read == "new" else seen, q)
            byte = self.byte or self.width
            for i in range(self.width // byte):
                bits = (2**byte - 1) << i * byte
                written = memory[lane, wa] & ~bits | d & bits
                memory[lane, wa] = np.where(beat >> i & 1, written, memory[lane, wa])
        return np.array(shown)


def draws(ram: Ram, seed: int, *, shared: bool) -> Array:
    """Beats with few addresses, so that written rows are read again.

    With ``shared`` all lanes have the same enables and addresses, as an accelerator's control has.
    """
    rng = np.random.default_rng(seed)
    control = rng.integers(0, 32, (150, 1 if shared else LANES))
    chosen = rng.choice(2**ram.depth_bits, 12)
    addresses = [rng.choice(chosen, control.shape) for _ in range(2)]
    data = rng.integers(0, 2**32, (150, LANES))
    return (
        np.broadcast_to(control | addresses[0] << 5 | addresses[1] << 18, (150, LANES)) | data << 31
    )


RAMS = [
    Ram(3, 5, "async"),
    Ram(6, 7, "sync"),
    Ram(9, 16, "sync", "block", byte=8),
    Ram(10, 18, "new", "block"),
    Ram(11, 9, "old", "block"),
    Ram(12, 4, "keep", "block"),
    Ram(13, 1, "sync", "block"),
    Ram(13, 2, "keep", "block"),
    Ram(8, 32, "sync", "block", byte=8),
    Ram(4, 12, "sync"),
]


def cases() -> list[Any]:
    """A few for CI, all for the rest."""
    quick = {(None, 1), (None, 2), (Device.ECP5, 2)}
    return [
        pytest.param(
            device,
            ram,
            marks=[] if (device, index) in quick else pytest.mark.slow,
            id=f"{device}-{ram.depth_bits}-{ram.width}-{ram.read}-{ram.byte}",
        )
        for device in (None, *Device)
        for index, ram in enumerate(RAMS)
    ]


@pytest.mark.parametrize(("device", "ram"), cases())
def test_memory(bench: Any, device: Device | None, ram: Ram) -> None:
    for shared in (True, False):
        beats = draws(ram, 1, shared=shared)
        got = bench(ram.verilog(), beats, WIDTH, device)
        np.testing.assert_array_equal(got, ram.expected(beats))


def test_addresses_outside_of_a_memory(bench: Any) -> None:
    """A memory of 5 rows: others read as 0 and writing them changes nothing."""
    body = """
      reg [3:0] m [0:4];
      integer i;
      initial for (i = 0; i < 5; i = i + 1) m[i] = i + 3;
      always @(posedge aclk) if (go && s_axis_tdata[3]) m[s_axis_tdata[2:0]] <= s_axis_tdata[7:4];
      assign m_axis_tdata = m[s_axis_tdata[2:0]];
    """
    beats = np.random.default_rng(0).integers(0, 256, (60, LANES))
    memory, want = np.tile([3, 4, 5, 6, 7, 0, 0, 0], (LANES, 1)), []
    lane = np.arange(LANES)
    for beat in beats:
        address = beat & 7
        want.append(memory[lane, address].copy())
        writes = (beat >> 3 & 1).astype(bool) & (address < 5)
        memory[lane[writes], address[writes]] = beat[writes] >> 4
    np.testing.assert_array_equal(bench(body, beats, 8), want)
