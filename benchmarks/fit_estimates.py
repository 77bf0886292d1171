# SPDX-License-Identifier: Apache-2.0
"""Fits the coefficients of the resource estimates, and writes them into the package.

``python -m benchmarks.fit_estimates`` draws layers of every kind, synthesises each for every
family, and finds the LUTs of each kind of logic that explain the counts. What was synthesised is
kept in the cache folder, so that a second run takes a few minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls  # type: ignore[import-untyped]  # comes with scikit-learn

from benchmarks.layer_samples import SHARES, LayerSample, draw_layers
from benchmarks.layer_synthesis import synthesise_layer
from xnorflow.bitstreams.synthesis import Utilisation
from xnorflow.hw.estimate.resources import coefficients
from xnorflow.hw.estimate.resources.estimate import layer_structure
from xnorflow.hw.estimate.resources.structure import Logic
from xnorflow.hw.families import Device
from xnorflow.toolchain import require_tool

SEED = 1
ROUNDS = 2
"""Times that the sample holds each kind's share."""

FLOOR_LUTS = 20
"""Errors of smaller layers are taken relative to this."""

REWEIGHTINGS = 20
"""Rounds after which weighted least squares are about least absolute errors."""

LEAST_ERROR = 0.02
"""Relative error below which all errors weigh the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Coefficients of one family.

    Parameters
    ----------
    coefficients
        LUTs for each kind of logic.
    errors
        Relative error of each layer of the sample.
    """

    coefficients: dict[Logic, float]
    errors: NDArray[np.float64]


def fit_family(
    samples: Sequence[LayerSample], taken: Sequence[Mapping[Device, Utilisation]], device: Device
) -> Fit:
    """Fit the coefficients of ``device`` to what ``samples`` have ``taken``.

    Relative errors are minimised: their squares at first, then, by weights from the errors of the
    round before, about their absolute values, which outliers do not rule.
    """
    structures = [layer_structure(sample.node, sample.inputs, device) for sample in samples]
    luts = np.array([counts[device].luts for counts in taken], float)
    logic = np.array([[s.logic.get(kind, 0.0) for kind in Logic] for s in structures])
    wanted = luts - [s.ram_luts + s.cell_luts for s in structures]
    scale = 1 / np.maximum(luts, FLOOR_LUTS)
    weights = np.ones(len(samples))
    for _ in range(REWEIGHTINGS):
        rows = scale * weights
        solution, _ = nnls(logic * rows[:, None], wanted * rows, maxiter=100 * len(Logic))
        errors = (logic @ solution - wanted) * scale
        weights = 1 / np.sqrt(np.maximum(np.abs(errors), LEAST_ERROR))
    return Fit({kind: float(x) for kind, x in zip(Logic, solution, strict=True)}, errors)


def coefficients_module(fits: Mapping[Device, Fit], source: str) -> str:
    """The text of :mod:`xnorflow.hw.estimate.resources.coefficients`."""
    rows = "".join(
        f'    "{kind}": ({", ".join(f"{fit.coefficients[kind]:.3f}" for fit in fits.values())}),\n'
        for kind in Logic
    )
    return (
        "# SPDX-License-Identifier: Apache-2.0\n"
        '"""LUTs for each kind of logic; written by ``python -m benchmarks.fit_estimates``."""\n\n'
        "from __future__ import annotations\n\n"
        '__all__ = ["DEVICES", "LUTS", "SOURCE"]\n\n'
        f'SOURCE = "{source}"\n'
        '"""What the coefficients were fitted to."""\n\n'
        f"DEVICES = ({', '.join(f'{chr(34)}{device}{chr(34)}' for device in fits)})\n"
        '"""Families in the order of the columns of :data:`LUTS`."""\n\n'
        f"LUTS: dict[str, tuple[float, ...]] = {{\n{rows}}}\n"
        '"""By kind of :class:`~xnorflow.hw.estimate.resources.structure.Logic`."""\n'
    )


def main() -> None:
    """Fit, report and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_estimates", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="of the sample")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="size of the sample")
    parser.add_argument("--output", type=Path, default=Path(coefficients.__file__))
    options = parser.parse_args()
    counts = {kind: options.rounds * share for kind, share in SHARES.items()}
    samples = draw_layers(options.seed, counts)
    taken = [synthesise_layer(sample) for sample in samples]
    fits = {device: fit_family(samples, taken, device) for device in Device}
    for device, fit in fits.items():
        errors = 100 * np.abs(fit.errors)
        print(
            f"{device}: {len(samples)} layers, median error {np.median(errors):.1f} %, "
            f"90th percentile {np.quantile(errors, 0.9):.1f} %, worst {errors.max():.1f} %"
        )
    yosys = require_tool("yosys", "synthesise").version
    source = f"Yosys {yosys}; {len(samples)} layers, seed {options.seed}"
    options.output.write_text(coefficients_module(fits, source))


if __name__ == "__main__":
    main()
