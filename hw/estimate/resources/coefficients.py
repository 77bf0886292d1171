# SPDX-License-Identifier: Apache-2.0
"""LUTs for each kind of logic; written by ``python -m benchmarks.fit_estimates``."""

from __future__ import annotations

__all__ = ["DEVICES", "LUTS", "SOURCE"]

SOURCE = "Yosys 0.70; 148 layers, seed 1"
"""What the coefficients were fitted to."""

DEVICES = ("ice40", "ecp5", "gowin", "xc7")
"""Families in the order of the columns of :data:`LUTS`."""

LUTS: dict[str, tuple[float, ...]] = {
    "layer": (5.813, 4.268, 5.900, 5.645),
    "output_bits": (1.001, 0.987, 0.982, 1.001),
    "counters": (0.000, 0.000, 0.000, 1.329),
    "counter_bits": (1.572, 1.055, 1.630, 0.000),
    "wrapped_bits": (0.268, 0.652, 0.577, 0.566),
    "counter_chain_bits": (0.484, 0.905, 0.000, 0.000),
    "count_bits": (2.166, 2.202, 2.648, 0.386),
    "product_bits": (0.000, 0.294, 0.563, 0.711),
    "negated_bits": (1.377, 0.455, 0.882, 1.164),
    "constant_bits": (0.633, 0.103, 0.401, 0.597),
    "masked_bits": (0.844, 0.365, 0.000, 0.807),
    "small_adder_bits": (0.521, 1.158, 0.231, 0.152),
    "adders": (0.512, 0.000, 0.000, 0.000),
    "adder_bits": (0.766, 1.337, 1.036, 0.796),
    "constant_adder_bits": (0.876, 1.171, 1.026, 0.640),
    "accumulator_bits": (1.133, 0.687, 0.971, 0.327),
    "table_bits": (0.796, 0.591, 1.064, 0.332),
    "comparators": (0.088, 0.000, 0.000, 0.000),
    "compared_bits": (0.000, 0.923, 0.940, 0.400),
    "small_compared_bits": (0.000, 0.348, 0.000, 0.000),
    "constant_comparators": (0.085, 0.966, 2.726, 0.000),
    "compared_constant_bits": (0.118, 0.804, 0.614, 0.544),
    "greater_bits": (1.004, 1.005, 1.003, 0.997),
    "maximum_bits": (2.067, 1.910, 2.142, 0.916),
    "maximum_flags": (0.380, 1.439, 0.473, 0.889),
    "levels": (0.453, 0.000, 0.000, 0.000),
    "level_bits": (0.000, 0.667, 0.671, 0.050),
    "or_bits": (0.725, 0.647, 0.582, 0.111),
    "padding": (0.636, 4.141, 7.406, 5.644),
    "multiplied_bits": (1.307, 0.000, 1.741, 0.518),
    "code_bits": (0.000, 0.000, 0.000, 0.000),
    "rom_columns": (1.993, 1.008, 1.530, 2.017),
    "rom_tables": (2.273, 2.573, 2.458, 2.773),
    "threshold_columns": (2.213, 1.371, 1.257, 1.266),
    "regular_tables": (2.495, 1.837, 1.854, 0.778),
    "ram_words": (0.867, 0.000, 0.353, 0.983),
    "ram_word_bits": (1.097, 0.000, 0.000, 0.000),
    "ram_block_bits": (0.850, 0.853, 0.942, 0.582),
    "bypass_bits": (0.952, 1.001, 1.154, 0.000),
    "replay": (11.100, 26.119, 21.012, 21.945),
    "fifo": (8.252, 11.318, 11.508, 11.422),
    "counted_bits": (2.042, 1.883, 1.752, 1.039),
    "address_bits": (0.000, 0.000, 0.000, 0.000),
    "wrapped_address_bits": (0.921, 0.363, 1.981, 1.119),
    "step_bits": (1.048, 2.362, 1.639, 2.497),
    "fork_ways": (3.000, 2.500, 2.500, 2.500),
    "arrival_bits": (0.953, 1.076, 0.958, 1.042),
    "arrival_sources": (0.335, 0.074, 0.467, 1.040),
    "arrival_choices": (0.637, 0.862, 0.634, 0.000),
    "ranked_bits": (2.732, 2.050, 1.994, 1.403),
}
"""By kind of :class:`~xnorflow.hw.estimate.resources.structure.Logic`."""
