# SPDX-License-Identifier: Apache-2.0
"""Which weights go to SPRAM: those whose block RAMs are wanted most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from xnorflow.errors import FoldingError
from xnorflow.hw.estimate.resources import design_resources
from xnorflow.hw.layers.weight_memory import is_loaded, weight_word_bits, weight_word_count
from xnorflow.hw.memory_mapping import MemoryKind, MemoryShape, map_memory
from xnorflow.hw.passes.folding import FoldingPlan
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.hw.primitives import spram_cells
from xnorflow.ir import MVAU, VVAU, Dataflow, Device, RamStyle

__all__ = ["check_places", "place_weights"]


@dataclass(frozen=True, slots=True)
class Place:
    """A layer whose weights may go to SPRAM.

    Parameters
    ----------
    name
        Of the layer.
    sprams
        Cells that they take there.
    block_rams
        Cells that they take now.
    """

    name: str
    sprams: int
    block_rams: int


def place_weights(
    plan: FoldingPlan, dataflow: Dataflow, sprams: int, block_rams: int
) -> FoldingPlan:
    """``plan`` with weights in SPRAM, as few as need be for the rest to fit into block RAM.

    Of all choices of layers that take so many SPRAMs, the one that leaves the fewest block RAMs
    is taken; of these the one with the fewest layers. A layer that the plan tells where its weights
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
    excess = design_resources(dataflow, Device.ICE40).block_rams - block_rams
    places = places_of(dataflow)
    chosen: tuple[Place, ...] = ()
    for limit in range(1, sprams + 1):
        if saved(chosen) >= excess:
            break
        chosen = best_within(places, limit)
    names = {place.name for place in chosen}
    layers = {
        name: replace(folding, ram_style=RamStyle.SPRAM) if name in names else folding
        for name, folding in plan.layers.items()
    }
    return replace(plan, layers=layers) if names else plan


def places_of(dataflow: Dataflow) -> list[Place]:
    """The layers with weights in block RAM."""
    places = []
    for layer in layers_of(dataflow):
        if not isinstance(layer, MVAU | VVAU) or layer.folding.ram_style is not RamStyle.AUTO:
            continue
        words, bits = weight_word_count(layer), weight_word_bits(layer)
        mapped = map_memory(MemoryShape(words, bits), Device.ICE40)
        if words > 1 and mapped.kind is MemoryKind.BLOCK:
            places.append(Place(layer.name, spram_cells(words, bits), mapped.cells))
    return places


def best_within(places: Sequence[Place], limit: int) -> tuple[Place, ...]:
    """Those of ``places`` that save most block RAMs with at most ``limit`` SPRAMs.

    Examples
    --------
    >>> a, b, c = Place("a", 2, 30), Place("b", 1, 16), Place("c", 1, 15)
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


def saved(places: Sequence[Place]) -> int:
    """Block RAMs that ``places`` leave free in SPRAM."""
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
