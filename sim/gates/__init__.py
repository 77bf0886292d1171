# SPDX-License-Identifier: Apache-2.0
"""The gates engine: the synthesised netlist, an image in each bit of a word."""

from xnorflow.sim.gates.engine import GatesEngine, GatesTrace, NetlistFacts

__all__ = ["GatesEngine", "GatesTrace", "NetlistFacts"]
