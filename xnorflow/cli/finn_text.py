# SPDX-License-Identifier: Apache-2.0
"""What ``xnorflow verify --finn`` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from xnorflow.cli.output import text_table

if TYPE_CHECKING:
    from xnorflow.finn.report import FinnReport, LayerPair
    from xnorflow.frontends.qonnx.finn import FinnEffect

__all__ = ["finn_summary"]

STAGE_HEADS = ("stage", "equal", "labels", "seconds", "not executed")
LAYER_HEADS = ("layer", "cycles", "FINN", "LUT", "FINN", "BRAM", "FINN", "FINN's layer")


def finn_summary(result: FinnReport) -> str:
    """Stage by stage, layer by layer, and the verdict."""
    return "\n".join(
        [
            f"images: {result.dataset}; finn-plus {result.version}",
            *map(str, result.warnings),
            *(f"changed for FINN: {change}" for change in result.changes),
            "",
            *stage_lines(result),
            "",
            *layer_lines(result),
            verdict(result),
        ]
    )


def stage_lines(result: FinnReport) -> list[str]:
    """A line for each stage, in order: how many images are equal, or why it was not executed."""
    from xnorflow.finn.stage_worker import STAGES

    rows = {
        stage.stage: (
            f"{stage.equal} of {stage.images}",
            f"{stage.labels_equal} of {stage.images}",
            f"{stage.seconds:.1f}",
            "",
        )
        for stage in result.stages
    }
    for stage in (*result.not_executed, *filter(None, [result.failure])):
        rows[stage.stage] = ("-", "-", "-", stage.reason)
    ordered = sorted(rows, key=lambda stage: STAGES.index(stage) if stage in STAGES else -1)
    table = text_table(STAGE_HEADS, [(stage, *rows[stage]) for stage in ordered], (0, 4))
    if not any(reason for *_, reason in rows.values()):
        table[0] = table[0].removesuffix(STAGE_HEADS[-1]).rstrip()
    return table


def layer_lines(result: FinnReport) -> Iterator[str]:
    """Our estimates beside FINN's, and the totals."""
    if not result.layers:
        return
    pairs = result.layers
    totals = (
        sum(pair.luts or 0 for pair in pairs),
        sum(pair.finn_luts for pair in pairs),
        sum(pair.block_rams or 0 for pair in pairs),
        sum(pair.finn_block_rams for pair in pairs),
    )
    rows = [*map(cells, pairs), ("total", "", "", *totals, "")]
    yield from text_table(LAYER_HEADS, rows, (0, 7))
    ours = "RUN/rtl" if result.is_built else "what `build --device xc7` makes"
    yield f"estimates for Xilinx 7 ({result.part}), block RAMs of 18 Kbit, without FIFOs and"
    yield f"width converters; ours are of {ours}"
    yield ""
    for name in result.unknown:
        yield f"FINN has no layer {name}: its folding is left out"


def cells(pair: LayerPair) -> tuple[object, ...]:
    """A row of the table of layers."""
    ours = (pair.cycles, pair.luts, pair.block_rams)
    theirs = (pair.finn_cycles, pair.finn_luts, pair.finn_block_rams)
    both = (
        cell
        for own, finn in zip(ours, theirs, strict=True)
        for cell in ("" if own is None else own, finn)
    )
    return (pair.layer or "-", *both, pair.finn)


def verdict(result: FinnReport) -> str:
    """The last line: whether FINN is equal, or from where it is not, and whether that was known."""
    from xnorflow.frontends.qonnx.finn import FinnEffect

    if result.passed:
        return (
            f"PASS: FINN gives what the integer network gives: {result.images} images, "
            f"{len(result.stages)} stages"
        )
    mismatch = result.first_mismatch
    if mismatch is not None:
        place = (
            f"FINN differs from the stage {mismatch.stage!r} on, first in image {mismatch.first}"
        )
        return f"FAIL: {place}; {explained(result, FinnEffect.WRONG)}"
    if result.failure is not None:
        place = f"FINN stops at the stage {result.failure.stage!r}: {result.failure.reason}"
        return f"FAIL: {place}; {explained(result, FinnEffect.REFUSED)}"
    return "FAIL: FINN executed no stage"


def explained(result: FinnReport, effect: FinnEffect) -> str:
    """Whether that was predicted."""
    reasons = [warning.reason for warning in result.predicted(effect)]
    return f"as predicted: {'; '.join(reasons)}" if reasons else "no known fault explains it"
