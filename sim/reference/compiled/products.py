# SPDX-License-Identifier: Apache-2.0
# Numba has no types:
# mypy: disable-error-code="misc, untyped-decorator"
"""Products of rows that lie in an array, and of the windows over images.

Windows are copied into a small buffer, row by row, and the results from another one to where they
belong; both stay in the first-level cache. What is copied goes in *units*, integers of the widest
type that fits.
"""

from __future__ import annotations

from typing import Any

from xnorflow.numba_cache import compile_cached, inlined
from xnorflow.sim.reference.compiled.lanes import element, pointer_to, put
from xnorflow.sim.reference.compiled.results import results
from xnorflow.sim.reference.compiled.totals import ROWS

__all__ = ["row_products", "window_products"]


@compile_cached
def row_products(x: Any, product: Any, rule: Any, out: Any) -> None:
    """Results of all rows of ``x``.

    ``product`` is ``(w, shape, places, xnor)``, where ``shape`` is the start of a form (see
    :mod:`~xnorflow.sim.reference.compiled.totals`); for ``rule`` and ``out`` see
    :mod:`~xnorflow.sim.reference.compiled.results`.
    """
    w, shape, places, xnor = product
    form = (*shape, pointer_to(places), xnor)
    results(pointer_to(x), x.shape[0], pointer_to(w), form, rule, out)


@inlined
def gather(source: Any, first: int, count: int, units: Any) -> None:
    """Copy ``count`` windows from number ``first`` on into ``units``."""
    image, starts, runs, run_units = source
    planes, length = units.shape[1], units.shape[2]
    image_data, unit_data, run_data = pointer_to(image), pointer_to(units), pointer_to(runs)
    start_data, windows = pointer_to(starts), starts.size
    frame = first // windows
    window = first - frame * windows
    for row in range(count):
        for plane in range(planes):
            origin = (frame * planes + plane) * image.shape[2] + element(start_data, window)
            at = (row * planes + plane) * length
            for run in range(runs.size):
                begin = origin + element(run_data, run)
                for unit in range(run_units):
                    put(element(image_data, begin + unit), unit_data, at + unit)
                at += run_units
        window += 1
        if window == windows:
            window = 0
            frame += 1


@inlined
def scatter(units: Any, first: int, count: int, target: Any) -> None:
    """Copy the results of ``count`` windows from number ``first`` on out of ``units``."""
    out, places = target
    _, planes, pixels, width = out.shape
    length = units.shape[2]
    unit_data, out_data, place_data = pointer_to(units), pointer_to(out), pointer_to(places)
    windows = places.size
    frame = first // windows
    window = first - frame * windows
    for row in range(count):
        for plane in range(planes):
            at = ((frame * planes + plane) * pixels + element(place_data, window)) * width
            begin = (row * planes + plane) * length
            for unit in range(width):
                put(element(unit_data, begin + unit), out_data, at + unit)
        window += 1
        if window == windows:
            window = 0
            frame += 1


@compile_cached
def window_products(
    source: Any, rows: Any, product: Any, rule: Any, results_of_rows: Any, target: Any
) -> None:
    """Results of windows over images.

    Parameters
    ----------
    source
        ``(image, starts, runs, run_units)``: units of the images with their padding, shape
        (n, planes, units); where in a plane each window starts; from there, where the runs of
        ``run_units`` units start that it sees.
    rows
        ``(x, units)``: the buffer of windows as rows of their form and as units, shape
        (rows, planes, units), zero at first.
    product, rule
        As for :func:`row_products`.
    results_of_rows
        ``(results, units)``: the buffer of results as ``out`` of their rule and as units, shape
        (rows, planes, units).
    target
        ``(out, places)``: units of the output, shape (n, planes, pixels, units); the pixel that
        belongs to each window.
    """
    w, shape, places, xnor = product
    form = (*shape, pointer_to(places), xnor)
    x, units = rows
    block, block_units = results_of_rows
    total = source[0].shape[0] * source[1].size
    for first in range(0, total, units.shape[0]):
        count = min(units.shape[0], total - first)
        gather(source, first, count, units)
        # Rows beyond the last window hold an older one; their results are not copied.
        whole = (count + ROWS - 1) // ROWS * ROWS
        results(pointer_to(x), whole, pointer_to(w), form, rule, block)
        scatter(block_units, first, count, target)
