# SPDX-License-Identifier: Apache-2.0
"""The cycle model (:mod:`xnorflow.hw.cycle`) as an engine."""

from xnorflow.sim.cycle.engine import CycleEngine, traffic_of

__all__ = ["CycleEngine", "traffic_of"]
