# SPDX-License-Identifier: Apache-2.0
"""LUTs for each kind of logic; written by ``python -m benchmarks.fit_estimates``."""

from __future__ import annotations

__all__ = ["DEVICES", "LUTS", "SOURCE"]

SOURCE = "Yosys 0.70; 170 layers, seed 1"
"""What the coefficients were fitted to."""

DEVICES = ("ice40", "ecp5", "gowin", "xc7")
"""Families in the order of the columns of :data:`LUTS`."""

LUTS: dict[str, tuple[float, ...]] = {
    "layer": (5.651, 4.592, 5.729, 5.380),
    "output_bits": (1.003, 0.991, 0.989, 1.011),
    "counters": (0.000, 0.000, 0.000, 1.465),
    "counter_bits": (1.618, 1.028, 1.620, 0.000),
    "wrapped_bits": (0.261, 0.619, 0.556, 0.516),
    "counter_chain_bits": (0.341, 0.857, 0.000, 0.000),
    "count_bits": (2.192, 2.160, 2.582, 0.284),
    "product_bits": (0.125, 0.568, 0.428, 0.728),
    "negated_bits": (1.443, 0.705, 0.819, 1.249),
    "constant_bits": (0.688, 0.646, 0.469, 0.807),
    "masked_bits": (1.138, 0.013, 0.274, 0.894),
    "small_adder_bits": (0.445, 1.141, 0.225, 0.167),
    "adders": (0.497, 0.411, 0.000, 0.000),
    "adder_bits": (0.751, 1.136, 1.055, 0.734),
    "constant_adder_bits": (0.854, 1.023, 1.024, 0.570),
    "accumulator_bits": (1.179, 0.828, 0.947, 0.388),
    "small_accumulator_bits": (0.000, 1.410, 0.000, 0.000),
    "table_bits": (0.804, 0.566, 1.067, 0.333),
    "comparators": (0.084, 0.000, 0.000, 0.000),
    "compared_bits": (0.000, 0.941, 0.996, 0.381),
    "small_compared_bits": (0.000, 0.658, 0.000, 0.000),
    "compared_constant_bits": (0.124, 0.889, 0.841, 0.550),
    "lut_comparators": (0.202, 0.835, 1.422, 0.481),
    "signed_comparators": (1.978, 0.682, 0.341, 0.246),
    "greater_bits": (1.000, 0.998, 0.999, 1.001),
    "greater_compared_bits": (1.018, 0.783, 1.007, 0.735),
    "maximum_bits": (2.024, 1.854, 2.028, 0.896),
    "maximum_flags": (0.601, 1.473, 0.504, 0.903),
    "level_chains": (0.000, 0.000, 0.910, 0.000),
    "level_bits": (0.000, 0.988, 0.866, 0.136),
    "signed_levels": (0.272, 1.912, 0.460, 0.000),
    "or_bits": (0.722, 0.639, 0.582, 0.105),
    "padding": (1.256, 4.416, 7.698, 5.738),
    "multiplied_bits": (1.972, 0.000, 2.600, 0.771),
    "code_bits": (0.000, 0.000, 0.000, 0.133),
    "rom_columns": (1.938, 1.309, 1.610, 1.984),
    "rom_tables": (2.310, 2.572, 2.407, 2.751),
    "threshold_columns": (2.337, 1.330, 1.430, 1.268),
    "short_columns": (0.535, 0.708, 0.291, 1.152),
    "regular_tables": (2.041, 1.803, 1.805, 0.784),
    "ram_words": (0.849, 0.000, 0.387, 1.093),
    "ram_word_bits": (1.069, 0.000, 0.000, 0.000),
    "ram_block_bits": (0.718, 0.847, 0.934, 0.603),
    "bypass_bits": (0.775, 1.072, 1.167, 0.000),
    "replay": (12.550, 25.113, 23.209, 24.004),
    "fifo": (10.614, 12.706, 12.219, 12.149),
    "counted_bits": (2.096, 1.834, 1.767, 0.997),
    "address_bits": (0.000, 0.000, 0.000, 0.000),
    "wrapped_address_bits": (0.974, 0.633, 2.013, 1.258),
    "step_bits": (1.070, 2.384, 1.668, 2.511),
    "fork_ways": (3.000, 2.500, 2.500, 2.500),
    "arrival_bits": (0.950, 1.063, 0.960, 1.050),
    "arrival_sources": (0.317, 0.099, 0.471, 1.032),
    "arrival_choices": (0.644, 0.854, 0.637, 0.000),
    "ranked_bits": (2.733, 2.047, 1.945, 1.421),
}
"""By kind of :class:`~xnorflow.hw.estimate.resources.structure.Logic`."""
