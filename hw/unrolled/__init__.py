# SPDX-License-Identifier: Apache-2.0
"""Layers of constant weights, all neurons at once.

:mod:`~xnorflow.hw.unrolled.signed_bits` makes sums of bits of the weights;
:mod:`~xnorflow.hw.unrolled.sharing` adds up what neurons have in common, and
:mod:`~xnorflow.hw.unrolled.trees` the rest, in a
:class:`~xnorflow.hw.unrolled.bit_graph.BitGraph`; a
:class:`~xnorflow.hw.unrolled.schedule.Schedule` says where registers go, and
:mod:`~xnorflow.hw.unrolled.gates` builds it.
"""

from xnorflow.hw.unrolled.neuron_bank import NeuronBank
from xnorflow.hw.unrolled.plan import UnrolledPlan, plan_neurons

__all__ = ["NeuronBank", "UnrolledPlan", "plan_neurons"]
