# SPDX-License-Identifier: Apache-2.0
"""Why a design stands still, in words."""

from __future__ import annotations

from collections.abc import Iterator

from xnorflow.ir import Dataflow
from xnorflow.sim.rtl.library import Simulator

__all__ = ["standstill_message"]


def standstill_message(dataflow: Dataflow, simulator: Simulator) -> str:
    """Who holds a beat that nobody takes, and who waits for one.

    Parameters
    ----------
    dataflow
        The graph.
    simulator
        Standing still, in a cycle in which neither source nor sink paused; its streams are the
        graph's nodes in order.
    """
    return "; ".join(stream_states(dataflow, simulator))


def stream_states(dataflow: Dataflow, simulator: Simulator) -> Iterator[str]:
    """A sentence for each stream on which a beat waits or is waited for."""
    for tap, (name, stream) in enumerate(dataflow.types.items()):
        valid, ready = simulator.state(tap)
        reader = reader_of(dataflow, name)
        moved = f"{simulator.count(tap)} beats moved, {stream.beats_per_frame} a frame"
        if valid and not ready:
            yield f"{name} holds a beat that {reader} does not take ({moved})"
        elif ready and not valid:
            yield f"{reader} waits for a beat of {name} ({moved})"
        elif not valid:
            yield f"{name} has no beat, {reader} would take none ({moved})"


def reader_of(dataflow: Dataflow, name: str) -> str:
    """Who takes the beats of the stream called ``name``."""
    readers = [node.name for node in dataflow.readers(name)]
    return " and ".join(readers) or "m_axis"
