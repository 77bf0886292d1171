# SPDX-License-Identifier: Apache-2.0
"""From the integer network to the dataflow graph.

Each pass is a small class with ``apply``, which takes a valid graph and gives a valid graph;
:mod:`xnorflow.hw.passes.pipeline` has their order. Before them the network itself is made smaller
(:func:`simplify`). Folding plans come from a file
(:func:`read_plan`), from a target (:func:`plan_for_target`) or from :func:`default_plan`.
"""

from xnorflow.hw.passes.fold import Fold
from xnorflow.hw.passes.folding import FoldingPlan, plan_of
from xnorflow.hw.passes.folding_file import parse_plan, read_plan
from xnorflow.hw.passes.folding_target import default_plan, plan_for_interval, plan_for_target
from xnorflow.hw.passes.fuse import Fuse
from xnorflow.hw.passes.insert_fifos import InsertFifos
from xnorflow.hw.passes.merge_equal_channels import MergeEqualChannels
from xnorflow.hw.passes.pipeline import compile_network, dataflow_passes
from xnorflow.hw.passes.reach_clock import ReachClock, check_clock
from xnorflow.hw.passes.reduced_network import ReducedNetwork
from xnorflow.hw.passes.remove_constant_channels import RemoveConstantChannels
from xnorflow.hw.passes.remove_idle_converters import RemoveIdleConverters
from xnorflow.hw.passes.remove_unread_channels import RemoveUnreadChannels
from xnorflow.hw.passes.select_output import SelectOutput
from xnorflow.hw.passes.simplification import Removal, Simplification, removals, simplify
from xnorflow.hw.passes.size_fifos import SizeFifos
from xnorflow.hw.passes.size_line_buffers import SizeLineBuffers
from xnorflow.hw.passes.skip_tiles import SkipTiles
from xnorflow.hw.passes.trim_thresholds import TrimThresholds
from xnorflow.hw.passes.use_cells import UseCells

__all__ = [
    "Fold",
    "FoldingPlan",
    "Fuse",
    "InsertFifos",
    "MergeEqualChannels",
    "ReachClock",
    "ReducedNetwork",
    "Removal",
    "RemoveConstantChannels",
    "RemoveIdleConverters",
    "RemoveUnreadChannels",
    "SelectOutput",
    "Simplification",
    "SizeFifos",
    "SizeLineBuffers",
    "SkipTiles",
    "TrimThresholds",
    "UseCells",
    "check_clock",
    "compile_network",
    "dataflow_passes",
    "default_plan",
    "parse_plan",
    "plan_for_interval",
    "plan_for_target",
    "plan_of",
    "read_plan",
    "removals",
    "simplify",
]
