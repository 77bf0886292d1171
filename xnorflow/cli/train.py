# SPDX-License-Identifier: Apache-2.0
"""``xnorflow train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import xnorflow
from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.quant.train import TrainingResult

__all__ = ["command"]

WIDTHS = click.Choice(["1", "t", "2", "4", "8"])


def summary(result: TrainingResult) -> str:
    """Accuracy, time, and where the RUN folder is."""
    metrics = result.metrics
    start = metrics["accuracy_at_start_percent"]
    before = "" if start is None or not metrics["epochs"] else f", {start:.2f} % before"
    return (
        f"accuracy {result.accuracy_percent:.2f} % on {metrics['test_images']} test images "
        f"({len(metrics['epochs'])} epochs, {metrics['seconds']:.1f} s{before})\n"
        f"wrote {result.run.root}"
    )


def record(result: TrainingResult) -> dict[str, Any]:
    """The content of ``metrics.json``, and where it is."""
    return {"run": result.run.root} | result.metrics


@click.command()
@click.argument("recipe")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="RUN",
    help="RUN folder to make.",
)
@click.option("--force", is_flag=True, help="Replace RUN if it exists.")
@click.option(
    "--resume/--afresh",
    default=None,
    help="Insist on going on with a stopped training, or on a new one; by default a stopped "
    "training of the same recipe and data goes on.",
)
@click.option("--dataset", metavar="NAME|PATH", help="Data set, instead of the recipe's.")
@click.option("--weight-bits", type=WIDTHS, help="Width of the weights; t is ternary.")
@click.option("--activation-bits", type=WIDTHS, help="Width of the activations.")
@click.option("--input-bits", type=WIDTHS, help="Width of the pixels.")
@click.option("--float", is_flag=True, default=None, help="Train a floating-point baseline.")
@click.option("--epochs", type=int, help="Passes over the training images; 0 with --start.")
@click.option("--batch-size", type=int, help="Images of a step.")
@click.option("--learning-rate", type=float, help="Peak of the one-cycle schedule.")
@click.option("--seed", type=int, help="Of the initial weights and of the order of images.")
@click.option("--threads", type=int, help="CPU threads; another number may round differently.")
@click.option("--start", "run", metavar="RUN", help="Begin with the weights of this network.")
@click.option("--sparsity", type=float, help="Share of the weights, or neurons, to remove.")
@click.option(
    "--remove", type=click.Choice(["weights", "neurons"]), help="What to remove; default: weights."
)
@click.option(
    "--pattern",
    type=click.Choice(["global", "layer", "fan-in", "tiles"]),
    help="By which pattern to remove weights; default: fan-in.",
)
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    metavar="RUN",
    callback=lambda _, __, runs: list(runs) or None,
    help="Learn from this trained network too; several may be given.",
)
@click.option("--teacher-weight", type=float, help="Share of the teachers in the loss, 0..1.")
@click.option("--temperature", type=float, help="By which logits are divided; default: 4.")
@prints(summary, record=record)
def command(
    recipe: str, output: Path, force: bool, resume: bool | None, **overrides: Any
) -> TrainingResult:
    """Train a network by a recipe and lower it to exact integers.

    RECIPE is the name of a recipe that comes with xnorflow (perceptrons: digits, tfc, sfc, lfc;
    convolutional networks: digits-cnn, cnv, vgg, resnet, dscnn, kws) or a TOML file. Options
    replace keys of the recipe. With --start the network is quantised (--epochs 0), fine-tuned or
    pruned rather than trained from random weights; with --teacher it is distilled.
    """
    from xnorflow.quant.progress import console_progress

    chosen = xnorflow.find_recipe(recipe).with_overrides(**overrides)
    return xnorflow.train(chosen, output, progress=console_progress(), resume=resume, replace=force)
