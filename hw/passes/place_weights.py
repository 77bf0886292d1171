# SPDX-License-Identifier: Apache-2.0
"""Which weights go to SPRAM: those whose block RAMs are wanted most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import ceil

from xnorflow.errors import FoldingError
from xnorflow.hw.estimate.resources import design_resources
from xnorflow.hw.layers.weight_memory import is_loaded, weight_word_bits, weight_word_count
from xnorflow.hw.memory_mapping import MemoryKind, MemoryShape, map_memory
from xnorflow.hw.passes.folding import FoldingPlan
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.hw.primitives import spram_cells
from xnorflow.ir import MVAU, VVAU, Dataflow, Device, RamStyle

__all__ = ["check_places", "place_weights"]


MOST_LOGIC_BITS = 8192
"""Of a weight memory that may become logic: some hundred LUTs."""


@dataclass(frozen=True, slots=True)
class Place:
    """A layer whose weights may go elsewhere.

    Parameters
    ----------
    name
        Of the layer.
    bits
        Of its weights.
    sprams, block_rams
        Cells that they take in SPRAM, and now.
    """

    name: str
    bits: int
    sprams: int
    block_rams: int


def place_weights(
    plan: FoldingPlan, dataflow: Dataflow, sprams: int, block_rams: int
) -> FoldingPlan:
    """``plan`` with weights in SPRAM, as few as need be for the rest to fit into block RAM.

    Of all choices of layers that take so many SPRAMs, the one that leaves the fewest block RAMs
    is taken; of these the one with the fewest layers. What is still too much for the block RAMs,
    small memories make room for, which become logic. A layer that the plan tells where its weights
    go keeps them there.

    Parameters
    ----------
    plan
        The plan.
    dataflow
        What is built by it for iCE40.
    sprams, block_rams
        Cells that there are.
    """
    excess = ceil(design_resources(dataflow, Device.ICE40).block_rams) - block_rams
    places = places_of(dataflow)
    chosen: tuple[Place, ...] = ()
    for limit in range(1, sprams + 1):
        if saved(chosen) >= excess:
            break
        chosen = best_within(places, limit)
    others = [place for place in places if place not in chosen]
    styles = {place.name: RamStyle.SPRAM for place in chosen}
    logic = smallest(others, excess - saved(chosen)) if chosen else ()
    styles |= {place.name: RamStyle.DISTRIBUTED for place in logic}
    layers = {
        name: replace(folding, ram_style=styles.get(name, folding.ram_style))
        for name, folding in plan.layers.items()
    }
    return replace(plan, layers=layers)


def places_of(dataflow: Dataflow) -> list[Place]:
    """The layers with weights in block RAM."""
    places = []
    for layer in layers_of(dataflow):
        if not isinstance(layer, MVAU | VVAU) or layer.folding.ram_style is not RamStyle.AUTO:
            continue
        words, bits = weight_word_count(layer), weight_word_bits(layer)
        mapped = map_memory(MemoryShape(words, bits), Device.ICE40)
        if words > 1 and mapped.kind is MemoryKind.BLOCK:
            cells = spram_cells(words, bits)
            places.append(Place(layer.name, words * bits, cells, mapped.cells))
    return places


def best_within(places: Sequence[Place], limit: int) -> tuple[Place, ...]:
    """Those of ``places`` that save most block RAMs with at most ``limit`` SPRAMs.

    Examples
    --------
    >>> a, b, c = Place("a", 0, 2, 30), Place("b", 0, 1, 16), Place("c", 0, 1, 15)
    >>> [place.name for place in best_within([a, b, c], 2)]
    ['b', 'c']
    """
    fitting = [place for place in places if place.sprams <= limit]
    choices = (
        choice
        for count in range(limit + 1)
        for choice in combinations(fitting, count)
        if sum(place.sprams for place in choice) <= limit
    )
    return max(choices, key=saved)


def smallest(places: Sequence[Place], wanted: int) -> tuple[Place, ...]:
    """The smallest of ``places`` that leave ``wanted`` block RAMs free; none if they do not.

    Examples
    --------
    >>> places = [Place("a", 5120, 1, 2), Place("b", 4096, 1, 1), Place("c", 99999, 1, 20)]
    >>> [[place.name for place in smallest(places, wanted)] for wanted in (0, 1, 3, 4)]
    [[], ['b'], ['b', 'a'], []]
    """
    small = sorted((p for p in places if p.bits <= MOST_LOGIC_BITS), key=lambda place: place.bits)
    for count in range(len(small) + 1):
        if saved(small[:count]) >= wanted:
            return tuple(small[:count])
    return ()


def saved(places: Sequence[Place]) -> int:
    """Block RAMs that ``places`` leave free if they go elsewhere."""
    return sum(place.block_rams for place in places)


def check_places(dataflow: Dataflow, device: Device | None) -> None:
    """Refuse weights in SPRAM unless ``dataflow`` is built for iCE40.

    Raises
    ------
    FoldingError
        If it has some, and is not.
    """
    for layer in layers_of(dataflow):
        if device is not Device.ICE40 and isinstance(layer, MVAU | VVAU) and is_loaded(layer):
            raise FoldingError(
                f"weights in spram must be built for ice40 (--device ice40), not "
                f"{device or 'as plain Verilog'} (layer {layer.name!r})"
            )
