# SPDX-License-Identifier: Apache-2.0
"""What ``xnorflow synth --board`` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from xnorflow.cli.output import plain, text_table

if TYPE_CHECKING:
    from xnorflow.bitstreams.report import BitstreamReport, ClockFacts
    from xnorflow.bitstreams.timing import CriticalPath
    from xnorflow.bitstreams.usage import Usage

__all__ = ["bitstream_record", "bitstream_summary"]


def bitstream_record(result: BitstreamReport) -> dict[str, Any]:
    """All fields, and the verdict."""
    fields: dict[str, Any] = plain(result)
    return {"passed": result.passed, "fits": result.fits} | fields


def bitstream_summary(result: BitstreamReport) -> str:
    """Utilisation, clock, times, tools, and the bitstream or what is to be done."""
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.seconds.items())
    tools = ", ".join(f"{name} {version}".strip() for name, version in result.tools.items())
    lines = [
        f"{result.board}: {result.part}, {clock_text(result.clock)}",
        *text_table(("resource", "used", "available", "%"), usage_rows(result.usage)),
        "",
        *text_table(("layer", *columns_of(result)), layer_rows(result)),
        "",
        *verdict_lines(result),
        f"{steps} ({tools}; seed {result.seed})",
        *result.advice,
    ]
    return "\n".join(lines + written_lines(result))


def clock_text(clock: ClockFacts) -> str:
    """The clock and where it comes from."""
    if clock.pll is None:
        return f"{clock.mhz:g} MHz of its oscillator"
    asked = "" if clock.mhz == clock.requested_mhz else f" ({clock.requested_mhz:g} asked for)"
    return f"{clock.mhz:g} MHz{asked} by its PLL from {clock.oscillator_mhz:g} MHz"


def usage_rows(usages: tuple[Usage, ...]) -> list[tuple[object, ...]]:
    """A row for each kind of cell."""
    return [
        (usage.title, usage.used, usage.available, f"{100 * usage.used / usage.available:.1f}")
        for usage in usages
        if usage.available
    ]


def columns_of(result: BitstreamReport) -> tuple[str, ...]:
    """The resources that are shown for each layer: SPRAMs only if there are any."""
    has_sprams = any("SPRAM" in counts for counts in result.layers.values())
    return ("LUT", "FF", "BRAM", *(("SPRAM",) if has_sprams else ()), "DSP")


def layer_rows(result: BitstreamReport) -> list[tuple[object, ...]]:
    """A row for each layer, after synthesis, and the last one for what is in none."""
    columns = columns_of(result)
    return [
        (name or "(others)", *(result.layers[name].get(column, 0) for column in columns))
        for name in sorted(result.layers, key=lambda name: name == "")
    ]


def verdict_lines(result: BitstreamReport) -> Iterator[str]:
    """Whether it fits, and whether it meets its clock; by how much, and what layer it is up to."""
    for usage in result.usage:
        if usage.excess:
            yield f"DOES NOT FIT: {usage.excess:,} {usage.title} too many{culprit(result, usage)}"
    if result.timing is None:
        return
    timing = result.timing
    difference = abs(timing.fmax_mhz - timing.target_mhz)
    if timing.met:
        yield f"clock: {timing.fmax_mhz:.1f} MHz reached, {difference:.1f} MHz to spare"
    else:
        yield f"MISSES ITS CLOCK: {timing.fmax_mhz:.1f} MHz reached, {difference:.1f} MHz too slow"
    if timing.path is not None:
        yield f"critical path: {path_text(timing.path)}"
    if result.max_sck_mhz is not None:
        yield f"SPI: SCK up to {result.max_sck_mhz:g} MHz"
    yield f"accelerator: {result.frames_per_second:,.0f} frames/s at {timing.target_mhz:g} MHz"


def culprit(result: BitstreamReport, usage: Usage) -> str:
    """The layer that takes most of what there is too little of."""
    takes = {layer: counts.get(usage.resource, 0) for layer, counts in result.layers.items()}
    layer = max(takes, key=lambda name: takes[name], default="")
    if not usage.resource or not takes.get(layer):
        return ""
    share = 100 * takes[layer] / sum(takes.values())
    return f"; {share:.0f} % of them are of {layer_text(layer)}"


def path_text(path: CriticalPath) -> str:
    """A path by its layers."""
    parts = [f"{ns:.1f} ns in {layer_text(name)}" for name, ns in path.layer_ns.items()]
    if len(parts) == 1:
        return parts[0]
    ends = f"from {layer_text(path.begins)} to {layer_text(path.ends)}"
    return f"{path.delay_ns:.1f} ns {ends} ({', '.join(parts)})"


def layer_text(name: str) -> str:
    """A layer in words."""
    return f"layer {name}" if name else "link and clock"


def written_lines(result: BitstreamReport) -> list[str]:
    """Where the bitstream is, or that there is none."""
    if result.file is not None:
        return [f"wrote {result.file}"]
    if result.passed:
        return ["measured without its link: no bitstream"]
    return ["no bitstream was written"]
