# SPDX-License-Identifier: Apache-2.0
"""Plans: the steps that compute the edges of a network for a chunk of images.

The plain plan runs each node's kernel on int64 values. The fast plan fuses a product with the
threshold that alone reads it and lets activations stay packed bits or bytes; a kind of node
without a fast form runs its kernel there too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xnorflow.ir import (
    Concat,
    Conv,
    Depthwise,
    Flatten,
    MatMul,
    MaxPool,
    Network,
    Node,
    Pad,
    SumPool,
    Thermometer,
    Threshold,
    Upsample,
)
from xnorflow.sim.reference import fast_movers, fast_products
from xnorflow.sim.reference.formats import Format
from xnorflow.sim.reference.kernels import make_kernel
from xnorflow.sim.reference.planner import Plan, Planner, Step, plan_kernel

__all__ = ["FAST", "fast_plan", "plain_plan"]


def plain_plan(network: Network) -> Plan:
    """A step for each node but the input; arrays bear the names of the edges, as VALUES."""
    steps = tuple(
        Step(
            node.name,
            node.inputs,
            make_kernel(node, network.input_types(node), network.types[node.name]),
        )
        for node in network.nodes[1:]
    )
    return Plan(steps, 8 * max(kind.size for kind in network.types.values()))


def fast_plan(network: Network, source: Format) -> Plan:
    """Steps from the input in format ``source`` to the output edge as VALUES.

    The arrays are called ``EDGE.FORMAT``.
    """
    planner = Planner(network)
    planner.hold_input(source)
    for node in network.nodes[1:]:
        if node.name not in planner.formats:
            FAST.get(type(node), plan_kernel)(planner, node)
    return planner.finished(planner.held(network.output.name, Format.VALUES))


FAST: Mapping[type[Node[Any]], Callable[[Planner, Any], None]] = {
    Thermometer: fast_movers.plan_thermometer,
    Threshold: fast_products.plan_threshold,
    MatMul: fast_products.plan_matmul,
    Conv: fast_products.plan_conv,
    Depthwise: fast_products.plan_depthwise,
    MaxPool: fast_movers.plan_max_pool,
    SumPool: fast_products.plan_sum_pool,
    Pad: fast_movers.plan_pad,
    Upsample: fast_movers.plan_upsample,
    Concat: fast_movers.plan_concat,
    Flatten: fast_movers.plan_flatten,
}
"""Nodes with a fast form; the others run their kernels."""
