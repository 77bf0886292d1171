# SPDX-License-Identifier: Apache-2.0
"""The emitted Verilog, cycle by cycle, at millions of cycles a second."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xnorflow.hw.weight_loading import loaded_layers
from xnorflow.ir import Dataflow, load_graph
from xnorflow.ir.beats import checked_frames, payloads_of
from xnorflow.sim.rtl.cache import ObjectCache
from xnorflow.sim.rtl.library import open_simulator
from xnorflow.sim.rtl.run import Progress, Run
from xnorflow.sim.rtl.simulator import build_simulator
from xnorflow.sim.rtl.trace import RtlTrace
from xnorflow.sim.stalls import NO_STALLS, Stalls

__all__ = ["RtlEngine"]


class RtlEngine:
    """Simulates an emitted design with all its streams in view.

    The Verilog goes through Yosys' CXXRTL and a C++ compiler once; the result is kept in ``cache``.

    Parameters
    ----------
    folder
        As :func:`xnorflow.hw.emit.write_design` wrote it.
    cache
        Where compiled simulators are kept; by default in the user's cache folder.

    Raises
    ------
    ArtifactError
        If the folder is incomplete or corrupt.
    ToolError
        If Yosys or a C++ compiler is missing, or fails.

    Notes
    -----
    Before cycle 0 the design is in reset for two cycles, then gets the weights that it has in
    SPRAM, if any. Data on ``s_axis_tdata`` are nonsense
    while ``s_axis_tvalid`` is low.
    """

    def __init__(self, folder: Path, cache: ObjectCache | None = None) -> None:
        self._folder = folder
        self._cache = cache or ObjectCache.default()
        self.dataflow = load_graph(Dataflow, folder)
        self._library = self._build(waves=False)

    def run(
        self,
        frames: NDArray[Any],
        stalls: Stalls | None = None,
        waves: Path | None = None,
        max_cycles: int | None = None,
        *,
        taps: Collection[str] | None = None,
        progress: Progress | None = None,
    ) -> RtlTrace:
        """Send ``frames`` through the design, from reset until all have left it.

        Parameters
        ----------
        frames
            Shape ``(n, ...)``: values of the input stream in hardware order.
        stalls
            Pauses of source and sink; None for none.
        waves
            VCD file to write all signals to, from cycle 0 on, 10 ns a cycle; the clock rises in the
            middle of a cycle.
        max_cycles
            Cycles after which to give up.
        taps
            Nodes whose streams to note; None for all. Fewer take less memory in long runs.
        progress
            Called about ten times a second.

        Raises
        ------
        DataError
            If the frames do not fit the input stream.
        GraphError
            If one of the ``taps`` is no node of the graph.
        SimulationError
            If the design comes to a standstill (the message says who waits for whom), takes more
            than ``max_cycles``, or breaks a rule of its streams.
        OutputError
            If the waves cannot be written.
        """
        source = self.dataflow.types[self.dataflow.input.name]
        payloads = payloads_of(checked_frames(frames, source), source)
        library = self._library if waves is None else self._build(waves=True)
        noted = frozenset(self.dataflow.types if taps is None else taps)
        for name in noted:
            self.dataflow.node(name)
        with open_simulator(library) as simulator:
            run = Run(self.dataflow, simulator, len(frames), noted)
            run.start(payloads, stalls or NO_STALLS, waves)
            run.finish(max_cycles, progress)
            return run.trace()

    def _build(self, *, waves: bool) -> Path:
        names = tuple(self.dataflow.types)
        loads = bool(loaded_layers(self.dataflow))
        return build_simulator(self._folder, names, self._cache, loads=loads, waves=waves)
