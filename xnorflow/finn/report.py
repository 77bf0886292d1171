# SPDX-License-Identifier: Apache-2.0
"""What FINN made of a network, beside what it is."""

from __future__ import annotations

from dataclasses import dataclass

from xnorflow.frontends.qonnx.finn import FinnEffect, FinnWarning

__all__ = ["FinnReport", "LayerPair", "StageFailure", "StageResult"]


@dataclass(frozen=True, slots=True)
class StageResult:
    """What images gave in one of FINN's forms of the model.

    Parameters
    ----------
    stage
        Its name.
    images
        How many were compared.
    equal
        How many have our labels, and our scores up to one scale and offset for all of them, which
        FINN drops before it ranks.
    labels_equal
        How many have our labels; of a network without labels, as ``equal``.
    first
        The first image that is not equal, if there is one.
    seconds
        Time for making and executing it.
    """

    stage: str
    images: int
    equal: int
    labels_equal: int
    first: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class StageFailure:
    """A stage that FINN could not make, or could not execute.

    Parameters
    ----------
    stage
        Its name.
    reason
        What FINN says.
    """

    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class LayerPair:
    """A layer of FINN, and the one of ours that does the same.

    Parameters
    ----------
    finn
        Name of FINN's layer.
    layer
        Name of ours; "" if there is none.
    finn_cycles, finn_luts, finn_block_rams
        FINN's estimates: cycles a frame, LUTs, block RAMs of 18 Kbit.
    cycles, luts, block_rams
        Ours, on the same family; None if there is no such layer.
    """

    finn: str
    layer: str
    finn_cycles: int
    finn_luts: int
    finn_block_rams: int
    cycles: int | None
    luts: int | None
    block_rams: int | None


@dataclass(frozen=True, slots=True)
class FinnReport:
    """Outcome of :func:`~xnorflow.finn.verify.verify_finn`.

    Parameters
    ----------
    version
        Of finn-plus.
    dataset, images
        Where the images came from, and how many were compared.
    part
        FPGA that FINN estimates for.
    is_built
        Whether folding and our layers are those of ``RUN/rtl``; else those of a default build.
    warnings
        What was predicted of the exported model.
    changes
        Where FINN gets another network or folding than our hardware has.
    stages
        Results, in order.
    not_executed
        Forms that FINN made and could not execute.
    failure
        The form that FINN could not make; none follows it.
    layers
        FINN's layers beside ours, without FIFOs and width converters.
    unknown
        Layers in the folding file that FINN does not have.
    """

    version: str
    dataset: str
    images: int
    part: str
    is_built: bool
    warnings: tuple[FinnWarning, ...]
    changes: tuple[str, ...]
    stages: tuple[StageResult, ...]
    not_executed: tuple[StageFailure, ...]
    failure: StageFailure | None
    layers: tuple[LayerPair, ...]
    unknown: tuple[str, ...]

    @property
    def first_mismatch(self) -> StageResult | None:
        """The first stage that differs."""
        return next((stage for stage in self.stages if stage.first is not None), None)

    @property
    def passed(self) -> bool:
        """Whether FINN got to the end, and nothing differs."""
        return self.failure is None and self.first_mismatch is None and bool(self.stages)

    def predicted(self, effect: FinnEffect) -> tuple[FinnWarning, ...]:
        """The warnings of that effect."""
        return tuple(warning for warning in self.warnings if warning.effect is effect)
