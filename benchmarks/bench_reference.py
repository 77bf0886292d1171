# SPDX-License-Identifier: Apache-2.0
"""The reference engine against PyTorch in float32 and against numpy on packed bits.

All contenders run on one thread, on the same images, in one process, alternating, and give the
same labels (which is checked). Where the input is 1 bit, ours and numpy take +-1 as int8 and pack
it within the measured time; PyTorch takes +-1 as float32, made beforehand, and so it takes the
8-bit pixels of CNV. Each contender is measured with several batches, and its best one counts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.networks import WIDTHS, TimedNetwork, make_cnv, make_mlp, name_of
from benchmarks.timing import Row, medians
from benchmarks.torch_contenders import Contender, torch_cnv, torch_mlp
from xnorflow.sim.reference import ReferenceEngine

__all__ = ["measure"]

TITLE = "Reference engine, one thread"
BATCHES = (100, 1000)
CNV_BATCHES = (1, 16, 64, 256)
MLPS = (
    ("TFC", 1, 1),
    ("SFC", 1, 1),
    ("LFC", 1, 1),
    ("SFC", 1, 2),
    ("SFC", 2, 2),
    ("SFC", 4, 4),
)

CNVS = ((1, 1, True), (1, 1, False), (1, 2, True), (2, 2, True))
"""Bits of weights and of activations, and whether the input is 8-bit pixels."""


def measure() -> list[Row]:
    """Rows of all subjects."""
    rows = [row for subject in MLPS for row in measure_mlp(*subject)]
    rows += measure_pixels()
    rows += [row for subject in CNVS for row in measure_cnv(*subject)]
    return [*rows, *measure_first_call()]


def measure_mlp(name: str, weight_bits: int, activation_bits: int) -> list[Row]:
    """Ours against all others on one MLP."""
    mlp = make_mlp(WIDTHS[name], weight_bits, activation_bits)
    images = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), (max(BATCHES), 784))
    contenders = {"ours": our_labels(mlp, images)}
    if (weight_bits, activation_bits) == (1, 1):
        contenders["numpy, packed bits"] = (numpy_labels(mlp), images)
    contenders |= torch_mlp(mlp, images)
    return compare(f"{name} {name_of(weight_bits, activation_bits)}", contenders)


def measure_pixels() -> list[Row]:
    """SFC from 8-bit pixels: the threshold at the input is within the measured time of both."""
    mlp = make_mlp(WIDTHS["SFC"], 1, 1, pixels=True)
    images = np.random.default_rng(1).integers(0, 256, (max(BATCHES), 28, 28, 1)).astype(np.uint8)
    contenders = {"ours": our_labels(mlp, images)}
    contenders |= torch_mlp(mlp, images, pixels=True)
    return compare("SFC W1A1 from pixels", contenders)


def measure_cnv(weight_bits: int, activation_bits: int, pixels: bool) -> list[Row]:
    """Ours against PyTorch on a CNV."""
    cnv = make_cnv(weight_bits, activation_bits, pixels=pixels)
    rng, shape = np.random.default_rng(1), (max(CNV_BATCHES), 32, 32, 3)
    bits = rng.choice(np.array([-1, 1], np.int8), shape)
    images = rng.integers(0, 256, shape).astype(np.uint8) if pixels else bits
    contenders = {"ours": our_labels(cnv, images)} | torch_cnv(cnv, images)
    subject = f"CNV {name_of(weight_bits, activation_bits)}"
    return compare(f"{subject} from pixels" if pixels else subject, contenders, CNV_BATCHES)


def our_labels(timed: TimedNetwork, images: NDArray[Any]) -> Contender:
    """The reference engine as a contender."""
    engine = ReferenceEngine(timed.network, threads=1)
    return lambda x: engine.run(x)[:, 0], images


def compare(
    subject: str, contenders: Mapping[str, Contender], batches: tuple[int, ...] = BATCHES
) -> list[Row]:
    """Images a second of each contender by its best batch."""
    check_equal(contenders)
    calls: dict[str, Callable[[], object]] = {}
    for name, (labels, images) in contenders.items():
        for batch in batches:
            calls[f"{name} {batch}"] = partial(labels, images[:batch])
    seconds = medians(calls)
    rates = {
        name: max(batch / seconds[f"{name} {batch}"] for batch in batches) for name in contenders
    }
    return [
        Row(subject, name, rate, "images/s", None if name == "ours" else rates["ours"] / rate)
        for name, rate in rates.items()
    ]


def check_equal(contenders: Mapping[str, Contender]) -> None:
    """Raise unless all contenders give the same labels."""
    answers = {name: np.asarray(labels(images)) for name, (labels, images) in contenders.items()}
    for name, answer in answers.items():
        if not np.array_equal(answer, answers["ours"]):
            raise RuntimeError(f"{name} gives other labels than ours: the times mean nothing")


def numpy_labels(mlp: TimedNetwork) -> Callable[[Any], NDArray[np.int64]]:
    """Numpy on packed bits: exclusive or, ``bitwise_count``, threshold, ``packbits``."""
    weights = [packed(w) for w in mlp.weights]
    sizes = [w.shape[1] for w in mlp.weights]
    # The sum is size - 2 * ones: it reaches t where ones stay within these limits.
    limits = [(n - t) // 2 for n, t in zip(sizes, mlp.first, strict=False)]

    def ones(x: NDArray[np.uint64], w: NDArray[np.uint64]) -> NDArray[Any]:
        counts = np.bitwise_count(x[:, np.newaxis] ^ w)
        total: NDArray[Any] = counts.sum(axis=2, dtype=np.int64)
        return total

    def labels(images: NDArray[Any]) -> NDArray[np.int64]:
        answers = []
        for start in range(0, len(images), 50):
            x = packed(images[start : start + 50])
            for w, limit in zip(weights, limits, strict=False):
                x = packed(ones(x, w) <= limit)
            answers.append(ones(x, weights[-1]).argmin(axis=1))
        return np.concatenate(answers)

    return labels


def packed(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Bits ``value > 0`` of each row in 64-bit words."""
    bits = np.packbits(values > 0, axis=1, bitorder="little")
    return np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8))).view(np.uint64)


FIRST_CALL = """
import time
start = time.perf_counter()
from benchmarks.networks import WIDTHS, make_mlp
from xnorflow.sim.reference import ReferenceEngine
import numpy as np
mlp = make_mlp(WIDTHS["SFC"], 1, {activation_bits})
start = time.perf_counter()
engine = ReferenceEngine(mlp.network)
engine.run(np.ones((1000, 784), np.int8))
if {edges}:
    engine.edges(np.ones((1000, 784), np.int8))
print(time.perf_counter() - start)
"""


def measure_first_call() -> list[Row]:
    """Time of the first images in a new process, with an empty cache and with a full one."""
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for state in ("nothing cached", "cached on disk"):
            seconds = first_call(cache, activation_bits=1, edges=True)
            rows.append(Row("first engine in a process", state, seconds, "s"))
    return rows


def first_call(cache: str, *, activation_bits: int, edges: bool) -> float:
    """Seconds until a new process with numba's ``cache`` folder has answered."""
    import os

    code = FIRST_CALL.format(activation_bits=activation_bits, edges=edges)
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout)
