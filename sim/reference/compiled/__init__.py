# SPDX-License-Identifier: Apache-2.0
"""The compiled inner loops, in numba.

* :mod:`~xnorflow.sim.reference.compiled.lanes`: vectors of lanes as a numba type;
* :mod:`~xnorflow.sim.reference.compiled.totals`: sums of products, four rows at once;
* :mod:`~xnorflow.sim.reference.compiled.results`: what becomes of them: sums, bits or bytes;
* :mod:`~xnorflow.sim.reference.compiled.products`: products of rows and of windows over images;
* :mod:`~xnorflow.sim.reference.compiled.packing`: bytes to packed bits;
* :mod:`~xnorflow.sim.reference.compiled.scans`: loops over int64 values that need no lanes.

How they are compiled and cached: :mod:`xnorflow.numba_cache`.
"""
