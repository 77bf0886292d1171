# SPDX-License-Identifier: Apache-2.0
"""The MVAU that takes a vector a cycle, with its weights in the wiring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xnorflow.ir.streams import StreamType, check_no_flags
from xnorflow.ir.units import MVAU

__all__ = ["UnrolledMVAU"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class UnrolledMVAU(MVAU):
    """An MVAU of constant weights: all neurons at once, a vector a cycle.

    Weights are no operands, but decide what is wired to what; neurons share what they have in
    common, and weights of 0 cost nothing.

    Parameters
    ----------
    device
        Family for whose cells its sums are laid out; None for plain Verilog.
    levels_per_stage
        Levels of logic (LUTs, or short adders) between two registers, 1 or more.
    """

    mnemonic: ClassVar[str] = "unrolled_mvau"

    levels_per_stage: int = 2

    def __post_init__(self) -> None:
        MVAU.__post_init__(self)  # without arguments, super() does not find a slotted class
        if self.nf * self.sf != 1:
            raise self.fail(
                f"an unrolled layer takes pe=mh={self.mh} and simd=mw={self.mw}, not "
                f"{self.folding.pe} and {self.folding.simd}"
            )
        if self.levels_per_stage < 1:
            raise self.fail(f"levels_per_stage must be 1 or more, not {self.levels_per_stage}")

    @classmethod
    def of(cls, layer: MVAU, levels_per_stage: int) -> UnrolledMVAU:
        """``layer``, whose folding must be that of all neurons and all inputs."""
        return cls(
            name=layer.name,
            inputs=layer.inputs,
            origin=layer.origin,
            edge=layer.edge,
            weights=layer.weights,
            weight_type=layer.weight_type,
            table=layer.table,
            folding=layer.folding,
            device=layer.device,
            levels_per_stage=levels_per_stage,
        )

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        check_no_flags(self, inputs[0])
        return MVAU.infer(self, inputs)
