# SPDX-License-Identifier: Apache-2.0
"""Any Verilog as a netlist: beats in, a beat out for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xnorflow.hw.families import Device
from xnorflow.sim.gates.build import build_netlist_simulator
from xnorflow.sim.gates.library import NetlistSimulator, Status, aligned_zeros, open_netlist
from xnorflow.sim.rtl import ObjectCache
from xnorflow.sim.stalls import NO_STALLS, Stalls

LANES = 64

PORTS = """\
module accelerator(
  input aclk, aresetn,
  input [{width} - 1:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready,
  output [{width} - 1:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready,
  output m_axis_tlast
);
"""

STREAM = """\
  assign s_axis_tready = m_axis_tready;
  assign m_axis_tvalid = s_axis_tvalid;
  assign m_axis_tlast = 1;
  wire go = s_axis_tvalid & m_axis_tready;
"""

Array = np.ndarray[Any, Any]
Bench = Callable[..., Array]


def bits_to_lanes(values: Array, width: int) -> Array:
    """Integers of shape ``(beats, lanes)`` as bytes of shape ``(beats, width, lanes / 8)``."""
    bits = (values[:, None, :] >> np.arange(width, dtype=np.uint64)[:, None]) & np.uint64(1)
    octets = aligned_zeros(len(values), width, LANES // 8)
    octets[:] = np.packbits(bits.astype(np.uint8), axis=2, bitorder="little")
    return octets


def lanes_to_bits(octets: Array) -> Array:
    """The inverse."""
    bits = np.unpackbits(octets, axis=2, bitorder="little").astype(np.uint64)
    return (bits << np.arange(bits.shape[1], dtype=np.uint64)[:, None]).sum(axis=1, dtype=np.uint64)


def run_library(library: Path, beats: Array, width: int, stalls: Stalls = NO_STALLS) -> Any:
    """Status, and the beats that came out, shape ``(beats, lanes)``."""
    with open_netlist(library) as simulator:
        return run_simulator(simulator, beats, width, stalls)


def run_simulator(simulator: NetlistSimulator, beats: Array, width: int, stalls: Stalls) -> Any:
    payloads = aligned_zeros(len(beats), width, LANES // 8)
    cycles = np.zeros(len(beats), np.int64)
    simulator.start(bits_to_lanes(beats.astype(np.uint64), width), payloads, cycles, 1, stalls)
    status = simulator.run(100 * len(beats) + 1000, 1000)
    return status, lanes_to_bits(payloads)


@pytest.fixture(scope="session")
def gates_cache(tmp_path_factory: pytest.TempPathFactory) -> ObjectCache:
    """A cache of the tests' own."""
    return ObjectCache(tmp_path_factory.mktemp("gates") / "cache")


@pytest.fixture
def bench(tmp_path: Path, gates_cache: ObjectCache) -> Bench:
    """``bench(body, beats, width, device)``: what ``m_axis_tdata`` is in each beat's cycle.

    ``body`` is the inside of a module with the ports of an accelerator, which passes on the
    handshakes; beats move where ``go`` is high.
    """

    def run(
        body: str, beats: Array, width: int, device: Device | None = None, stalls: Any = NO_STALLS
    ) -> Array:
        text = PORTS.format(width=width) + STREAM + body + "\nendmodule\n"
        (tmp_path / "accelerator.v").write_text(text)
        library = build_netlist_simulator(tmp_path, device, (), gates_cache, LANES)
        status, values = run_library(library, beats, width, stalls)
        assert status is Status.DONE
        return values

    return run


@pytest.fixture
def build(tmp_path: Path, gates_cache: ObjectCache) -> Callable[..., Path]:
    """``build(module, width, device)``: the library of a module that has a body of its own."""

    def make(body: str, width: int = 8, device: Device | None = None) -> Path:
        text = PORTS.format(width=width) + body + "\nendmodule\n"
        (tmp_path / "accelerator.v").write_text(text)
        return build_netlist_simulator(tmp_path, device, ("fc1",), gates_cache, LANES)

    return make
