# SPDX-License-Identifier: Apache-2.0
"""Errors of the resource estimates on layers and designs that they were not fitted to.

``python -m benchmarks.bench_estimates --rounds 2`` takes a larger sample of layers. Errors of what
takes few of a resource are relative to :data:`FLOORS`.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from benchmarks.area.netlist import synthesise_sources
from benchmarks.layer_samples import SHARES, UNFITTED, draw_layers
from benchmarks.layer_synthesis import synthesise_layer
from benchmarks.networks import WIDTHS, Maker, make_mlp
from benchmarks.timing import Row, print_rows
from xnorflow.bitstreams.synthesis import Utilisation
from xnorflow.hw.emit import design_sources
from xnorflow.hw.estimate.resources import Resources, design_resources, layer_resources
from xnorflow.hw.families import Device
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.ir import (
    BIPOLAR,
    Add,
    Conv,
    Dataflow,
    Flatten,
    Input,
    MaxPool,
    Network,
    TensorType,
    Window,
    uint_type,
)

__all__ = ["measure"]

TITLE = "Resource estimates against synthesis, each layer and each design by itself"
ON_REQUEST = True
HELD_OUT_SEED = 4
"""Not the seed of what the coefficients were fitted to."""

FLOORS = {"luts": 20, "flip_flops": 20, "block_rams": 2, "dsps": 2}
"""An error of what takes fewer is relative to so many."""

OUTLIER_PERCENT = 30
"""Errors above it are counted."""

NAMES = {"luts": "LUT", "flip_flops": "FF", "block_rams": "BRAM", "dsps": "DSP"}

Errors = dict[tuple[Device, str], list[float]]


def relative_error(estimated: Resources, counted: Utilisation, resource: str) -> float:
    """Error of one resource, relative to what was counted or to the floor."""
    actual = getattr(counted, resource)
    return float((getattr(estimated, resource) - actual) / max(actual, FLOORS[resource]))


def layer_errors(seed: int, rounds: int) -> Errors:
    """Errors of a sample of layers, of each kind half of its share (rounded up) a round."""
    errors: Errors = defaultdict(list)
    shares = SHARES | UNFITTED
    samples = draw_layers(seed, {kind: rounds * -(-share // 2) for kind, share in shares.items()})
    for sample in samples:
        for device, counted in synthesise_layer(sample).items():
            estimated = layer_resources(sample.node, sample.inputs, device)
            for resource in FLOORS:
                errors[device, resource].append(relative_error(estimated, counted, resource))
    return errors


def small_cnn() -> Network:
    """Two convolutions on 8-bit pixels, a pool, two matrix products."""
    image = Input(name="image", type=TensorType(uint_type(8), (14, 14, 3)))
    maker = Maker(1, 2, [image])
    for index, mh in enumerate((16, 32)):
        maker.conv(f"conv{index}", mh)
        maker.threshold(f"conv_act{index}", scale=64 if index == 0 else 1)
    pool = Window((2, 2), stride=(2, 2))
    maker.add(MaxPool(name="pool", inputs=maker.last, window=pool))
    maker.add(Flatten(name="flat", inputs=maker.last))
    maker.matmul("fc1", 64)
    maker.threshold("act1")
    maker.matmul("fc2", 10)
    return maker.finish().network


def residual_cnn() -> Network:
    """A convolution, a block with a shortcut around a padded one, a matrix product."""
    maker = Maker(1, 2, [Input(name="image", type=TensorType(BIPOLAR, (12, 12, 4)))])
    maker.conv("conv0", 16)
    maker.threshold("conv_act0")
    (shortcut,) = maker.last
    maker.add(
        Conv(
            name="conv1",
            inputs=maker.last,
            weights=maker.draw(16, 3, 3, 16),
            weight_type=maker.weight_type,
            window=Window((3, 3), padding=(1, 1, 1, 1)),
        )
    )
    maker.threshold("conv_act1")
    maker.add(Add(name="add", inputs=(shortcut, *maker.last)))
    maker.threshold("add_act")
    maker.add(Flatten(name="flat", inputs=maker.last))
    maker.matmul("fc", 10)
    return maker.finish().network


DESIGNS: Mapping[str, tuple[Callable[[], Network], int]] = {
    "TFC W1A1": (lambda: make_mlp(WIDTHS["TFC"], 1, 1).network, 784),
    "TFC W2A2, pixels": (lambda: make_mlp(WIDTHS["TFC"], 2, 2, pixels=True).network, 1568),
    "SFC W1A1": (lambda: make_mlp(WIDTHS["SFC"], 1, 1).network, 896),
    "small CNN": (small_cnn, 3000),
    "residual CNN": (residual_cnn, 3000),
}
"""Networks, and the cycles of a frame that each is folded to."""


def designs() -> Iterator[tuple[str, Dataflow]]:
    """The designs of :data:`DESIGNS`."""
    for name, (make, interval_cycles) in DESIGNS.items():
        network = make()
        yield name, compile_network(network, plan_for_interval(network, interval_cycles))


def design_rows() -> list[Row]:
    """Error of each resource that a design takes."""
    rows = []
    for name, dataflow in designs():
        sources = design_sources(dataflow)
        for device in Device:
            counted = synthesise_sources(sources, device).utilisation
            estimated = design_resources(dataflow, device)
            for resource, heading in NAMES.items():
                if actual := getattr(counted, resource):
                    error = 100 * relative_error(estimated, counted, resource)
                    subject = f"{name}, {device}: {actual:,} {heading}"
                    rows.append(Row(subject, "error", error, "%"))
    return rows


def layer_rows(errors: Errors) -> list[Row]:
    """Median and worst error of each resource on each family, and how many are outliers."""
    rows = []
    for (device, resource), signed in errors.items():
        percent = 100 * np.abs(signed)
        subject = f"{len(signed)} layers, {device} {NAMES[resource]}"
        for what, value in figures(percent).items():
            rows.append(Row(subject, what, value, "%"))
        outliers = int(np.sum(percent > OUTLIER_PERCENT))
        rows.append(Row(subject, f"above {OUTLIER_PERCENT} %", outliers, "layers"))
    return rows


def figures(percent: Sequence[float] | np.ndarray) -> dict[str, float]:
    """What is told of a sample of errors."""
    return {
        "median error": float(np.median(percent)),
        "90th percentile": float(np.quantile(percent, 0.9)),
        "worst error": float(np.max(percent)),
    }


def measure(seed: int = HELD_OUT_SEED, rounds: int = 1) -> list[Row]:
    """Rows of a sample of layers and of all designs."""
    return [*layer_rows(layer_errors(seed, rounds)), *design_rows()]


def main() -> None:
    """Measure with options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_estimates", description=__doc__
    )
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help="of the sample of layers")
    parser.add_argument("--rounds", type=int, default=1, help="50 layers each")
    options = parser.parse_args()
    print_rows(TITLE, measure(options.seed, options.rounds))


if __name__ == "__main__":
    main()
