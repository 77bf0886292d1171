# SPDX-License-Identifier: Apache-2.0
"""Popcounts and dot products."""

from xnorflow.hw.popcount.adder_tree import (
    LEVELS_PER_STAGE,
    AdderTree,
    Term,
    range_shape,
    tree_cycles,
)
from xnorflow.hw.popcount.dot_product import PRODUCT_CYCLES, DotProduct, dot_product_cycles
from xnorflow.hw.popcount.match_count import (
    MatchCount,
    has_carry_lane,
    match_cycles,
    stored_matches,
)
from xnorflow.hw.popcount.popcount import Popcount, count_ones, popcount_cycles
from xnorflow.hw.popcount.products import ProductForm, code_value, product_form

__all__ = [
    "LEVELS_PER_STAGE",
    "PRODUCT_CYCLES",
    "AdderTree",
    "DotProduct",
    "MatchCount",
    "Popcount",
    "ProductForm",
    "Term",
    "code_value",
    "count_ones",
    "dot_product_cycles",
    "has_carry_lane",
    "match_cycles",
    "popcount_cycles",
    "product_form",
    "range_shape",
    "stored_matches",
    "tree_cycles",
]
