# SPDX-License-Identifier: Apache-2.0
"""The MVAU that takes a vector a cycle, with its weights in the wiring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from xnorflow.ir.streams import StreamType, check_no_flags
from xnorflow.ir.units import MVAU, mvau_fields

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
    pipelining
        Levels of gates (LUTs, or short adders) between two registers; it has no operands.
    """

    mnemonic: ClassVar[str] = "unrolled_mvau"

    def __post_init__(self) -> None:
        MVAU.__post_init__(self)  # without arguments, super() does not find a slotted class
        if self.nf * self.sf != 1:
            raise self.fail(
                f"an unrolled layer takes pe=mh={self.mh} and simd=mw={self.mw}, not "
                f"{self.folding.pe} and {self.folding.simd}"
            )
        if self.pipelining.operands:
            raise self.fail("an unrolled layer has no operands to keep in registers")

    @classmethod
    def of(cls, layer: MVAU) -> UnrolledMVAU:
        """``layer``, whose folding must be that of all neurons and all inputs."""
        pipelining = replace(layer.pipelining, operands=False)
        return cls(**mvau_fields(layer) | {"pipelining": pipelining})

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        check_no_flags(self, inputs[0])
        return MVAU.infer(self, inputs)
