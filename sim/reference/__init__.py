# SPDX-License-Identifier: Apache-2.0
"""The integer reference: what a network computes, in exact integers, fast enough for test sets.

Two ways through a network, which the tests hold against each other and against numpy:

* :meth:`ReferenceEngine.edges` runs node by node (:mod:`~xnorflow.sim.reference.kernels`) and
  gives every edge;
* :meth:`ReferenceEngine.run` fuses products with their thresholds and keeps activations as packed
  bits (:mod:`~xnorflow.sim.reference.plan`), and gives the output edge.

Numba is imported when an engine is made, not before.
"""

from xnorflow.sim.reference.engine import ReferenceEngine

__all__ = ["ReferenceEngine"]
