# SPDX-License-Identifier: Apache-2.0
"""The group of commands; a command's module is imported only when it is wanted."""

from __future__ import annotations

import difflib
import importlib
import logging
from collections.abc import Mapping

import click

__all__ = ["SUBCOMMANDS", "root"]

SUBCOMMANDS: Mapping[str, str] = {
    "train": "Train a network by a recipe and lower it to exact integers.",
    "import": "Import a network from a QONNX file, as Brevitas, QKeras, HGQ or FINN write it.",
    "export": "Write a network for other tools: a QONNX file, or a folder that FINN builds.",
    "size": "Show how many bits a network takes: weights, indices of those not pruned, thresholds.",
    "build": "Make the hardware of a trained network: Verilog in RUN/rtl.",
    "explore": "Find what each throughput costs: a curve, and folding files to build.",
    "estimate": "Show folding, cycles and memory of each layer of RUN/rtl.",
    "profile": "Show where the cycles of RUN/rtl go: busy, starved, blocked; levels of FIFOs.",
    "simulate": "Run the network on test images, in software or as hardware.",
    "synth": "Synthesise RUN/rtl: a bitstream for a board, or what it takes on an FPGA family.",
    "program": "Bring RUN/bitstream/BOARD into the board.",
    "infer": "Run images on the accelerator of a board, over its serial line or SPI.",
    "boards": "List the boards that bitstreams are made for.",
    "verify": "Compare PyTorch or QONNX, the integer reference and the RTL on every edge.",
    "sweep": "Train, verify and build many networks: what each width costs, and what it saves.",
    "report": "Write the tables, figures and page of a sweep anew, as far as it is finished.",
    "datasets": "List the data sets and whether they are here.",
    "doctor": "Check which tools and packages are here, and what each is for.",
}
"""Summary of each command by its name, in the order of ``--help``.

The command itself is ``command`` in the module ``xnorflow.cli.NAME``.
"""


class LazyGroup(click.Group):
    """A group whose commands are modules; listing them imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the work."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called ``cmd_name``, imported now."""
        if cmd_name not in SUBCOMMANDS:
            return None
        command: click.Command = importlib.import_module(f"xnorflow.cli.{cmd_name}").command
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that ``args`` begin with; a wrong name gets the closest right one."""
        if args and args[0] not in SUBCOMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], SUBCOMMANDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            known = ", ".join(SUBCOMMANDS)
            raise click.UsageError(f"unknown command {args[0]!r}{hint} (known: {known})", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))


def print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version of the installed package and stop."""
    if wanted:
        from importlib.metadata import version

        click.echo(f"xnorflow {version('xnorflow')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Show the version and exit.",
)
@click.option(
    "-v", "--verbose", is_flag=True, help="Log to stderr; show where in the code an error arose."
)
@click.pass_context
def root(ctx: click.Context, verbose: bool) -> None:
    """From PyTorch networks with 1- and 2-bit weights to bit-exact XNOR-popcount hardware."""
    ctx.obj = {"verbose": verbose}
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
