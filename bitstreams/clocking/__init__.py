# SPDX-License-Identifier: Apache-2.0
"""Clocks of boards: PLL settings within each family's limits."""

from xnorflow.bitstreams.clocking.plan import TOLERANCE, ClockPlan, plan_clock
from xnorflow.bitstreams.clocking.pll import Pll

__all__ = ["TOLERANCE", "ClockPlan", "Pll", "plan_clock"]
