# SPDX-License-Identifier: Apache-2.0
"""What a network costs at every throughput, and the fastest one that fits a budget."""

from xnorflow.hw.explore.budget import Budget, plan_for_budget
from xnorflow.hw.explore.curve import Curve, CurvePoint, explore_network

__all__ = ["Budget", "Curve", "CurvePoint", "explore_network", "plan_for_budget"]
