# SPDX-License-Identifier: Apache-2.0
"""``xnorflow verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xnorflow.cli.finn_text import finn_summary
from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.finn.report import FinnReport
    from xnorflow.readback.report import ReadbackReport
    from xnorflow.sim.compare import EdgeResult
    from xnorflow.sim.verify import VerifyReport

__all__ = ["command"]


def readback_summary(result: ReadbackReport) -> str:
    """What was compared, the first difference, and the verdict."""
    output = result.output
    lines = [
        f"images: {result.dataset}",
        f"{output.expected} = {output.got}: {result.images:,} images over the serial line, "
        f"{output.values:,} values, {output.mismatches:,} mismatches",
        f"{result.cycles:,} cycles in {result.seconds:.1f} s; latency {result.latency_cycles:,}",
    ]
    if output.first is not None:
        lines.append(f"first difference: {output.first}")
    if result.passed:
        lines.append(f"PASS: the {result.subject} gives bit for bit what the integer network gives")
    else:
        lines.append(f"FAIL: {output.mismatches:,} of {output.values:,} values differ")
    return "\n".join(lines)


def summary(result: VerifyReport | ReadbackReport | FinnReport) -> str:
    """A line for each pair of engines, the first difference, and the verdict."""
    from xnorflow.finn.report import FinnReport
    from xnorflow.readback.report import ReadbackReport

    if isinstance(result, ReadbackReport):
        return readback_summary(result)
    if isinstance(result, FinnReport):
        return finn_summary(result)
    lines = [f"images: {result.dataset}"]
    if result.torch_absent:
        lines.append(f"PyTorch left out: {result.torch_absent}")
    if result.qonnx_absent:
        lines.append(f"QONNX left out: {result.qonnx_absent}")
    lines += pair_lines(result)
    lines += float32_lines(result)
    if result.accuracy is not None:
        lines.append(f"accuracy on these images: {100 * result.accuracy:.2f} %")
    if result.timing is not None:
        lines.append(timing_line(result))
    if result.first is not None:
        lines.append(f"first difference: {result.first}")
    lines.append(verdict(result))
    return "\n".join(lines)


def pair_lines(result: VerifyReport) -> list[str]:
    """One line for each pair of engines compared."""
    pairs: dict[tuple[str, str], list[EdgeResult]] = {}
    for edge in result.edges:
        pairs.setdefault((edge.expected, edge.got), []).append(edge)
    return [
        f"{expected} = {got}: {images_of(result, got):,} images, {len(edges)} edges, "
        f"{sum(e.values for e in edges):,} values, {sum(e.mismatches for e in edges):,} mismatches"
        for (expected, got), edges in pairs.items()
    ]


def float32_lines(result: VerifyReport) -> list[str]:
    """How far float32 is from a network whose definition is float64."""
    if not result.float32_edges:
        return []
    edges, last = result.float32_edges, result.float32_edges[-1]
    return [
        f"float32 (QONNX) against the definition in float64: {result.software_images:,} images, "
        f"{sum(e.mismatches for e in edges):,} of {sum(e.values for e in edges):,} values differ, "
        f"{last.mismatches:,} of {last.values:,} on {last.edge!r}"
    ]


def images_of(result: VerifyReport, engine: str) -> int:
    """Number of images that ``engine`` was run on."""
    if engine == "reference":
        return result.software_images
    if engine.startswith("netlist"):
        return result.netlist_images
    return result.rtl_images if engine.startswith("rtl") else result.second_opinion_images


def timing_line(result: VerifyReport) -> str:
    """Cycles, predicted and measured."""
    timing = result.timing
    assert timing is not None
    if timing.measured_ii_frame is None:
        measured = "not measured (needs more images)"
    else:
        measured = f"measured {timing.measured_ii_frame}"
    return (
        f"cycles per frame: predicted {timing.predicted_ii_frame}, {measured}; "
        f"latency {timing.latency_cycles}"
    )


def verdict(result: VerifyReport) -> str:
    """The last line."""
    if not result.edges:
        return "PASS: the integer network is the definition, and nothing else was run"
    if result.passed:
        engines = "PyTorch" if result.torch_compared else "the integer network"
        if result.qonnx_compared and not result.float32_edges:
            engines = "QONNX"
        what = "the simulated hardware" if result.rtl_images else "the integer network"
        what = "the netlist" if result.netlist_images else what
        return f"PASS: {what} gives bit for bit what {engines} gives (0 mismatches)"
    if result.mismatches:
        return f"FAIL: {result.mismatches:,} of {result.values:,} values differ"
    return "FAIL: cycles per frame differ from the prediction"


def record(result: VerifyReport | ReadbackReport | FinnReport) -> dict[str, Any]:
    """All fields, with the totals."""
    from xnorflow.cli.output import plain
    from xnorflow.sim.verify import VerifyReport

    fields: dict[str, Any] = plain(result)
    if not isinstance(result, VerifyReport):
        return {"passed": result.passed} | fields
    totals = {
        "passed": result.passed,
        "values": result.values,
        "mismatches": result.mismatches,
        "first": plain(result.first),
    }
    return totals | fields


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--engine",
    type=click.Choice(["reference", "rtl", "gates", "all"]),
    default="all",
    show_default=True,
    help="reference: PyTorch, or the QONNX file, against the integer reference. rtl: these and the "
    "emitted Verilog. "
    "gates: these and the netlist that Yosys makes of it. "
    "all: as rtl, with every test image through the first two.",
)
@click.option(
    "--device",
    type=click.Choice(["ice40", "ecp5", "gowin", "xc7"]),
    help="With --engine gates: FPGA family to synthesise for; by default generic gates.",
)
@click.option(
    "--images",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of images; by default all, and 100 in RTL or of a bitstream.",
)
@click.option("--data", metavar="NAME|PATH", help="Images; by default the test images trained for.")
@click.option(
    "--stall-seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the second run, in which input and output are held up at random.",
)
@click.option("--no-stalls", is_flag=True, help="Leave that run out.")
@click.option(
    "--second-opinion/--no-second-opinion",
    default=True,
    show_default=True,
    help="Run 3 images through Icarus Verilog or Verilator too, if one is installed.",
)
@click.option(
    "--bitstream",
    metavar="BOARD",
    help="Instead: simulate RUN/bitstream/BOARD from the pins, against the reference: the "
    "bitstream read back (iCE40), or the netlist it was made of.",
)
@click.option(
    "--finn",
    type=click.Path(path_type=Path),
    metavar="ENV",
    help="Instead: FINN's forms of the exported model, from QONNX to folded layers, against the "
    "reference. ENV is a virtual environment with finn-plus.",
)
@click.option(
    "--plain",
    is_flag=True,
    help="With --finn: the model as `export --to qonnx` writes it, with what FINN gets wrong.",
)
@prints(summary, record=record, passed=lambda result: bool(result.passed))
def command(
    run: Path,
    engine: str,
    device: str | None,
    images: int | None,
    data: str | None,
    stall_seed: int,
    no_stalls: bool,
    second_opinion: bool,
    bitstream: str | None,
    finn: Path | None,
    plain: bool,
) -> VerifyReport | ReadbackReport | FinnReport:
    """Compare PyTorch or QONNX, the integer reference and the RTL on every edge.

    Exits with 1 if values or cycles differ, and names the first difference: layer, frame, beat and
    cycle.
    """
    from xnorflow.cli.progress import stage_progress

    if bitstream is not None and finn is not None:
        raise click.UsageError("give --bitstream or --finn, not both")
    if plain and finn is None:
        raise click.UsageError("--plain goes with --finn")
    if finn is not None:
        from xnorflow.finn.verify import verify_finn

        with stage_progress() as progress:
            return verify_finn(run, finn, images, data, progress, plain=plain)
    if bitstream is not None:
        from xnorflow.readback.check import verify_bitstream

        with stage_progress() as progress:
            return verify_bitstream(run, bitstream, images, data, progress)
    from xnorflow.hw.families import Device
    from xnorflow.sim.verify import VerifyEngine, VerifyOptions, verify

    options = VerifyOptions(
        engine=VerifyEngine(engine),
        images=images,
        data=data,
        stall_seed=None if no_stalls else stall_seed,
        second_opinion=second_opinion,
        device=Device(device) if device else None,
    )
    with stage_progress() as progress:
        return verify(run, options, progress)
