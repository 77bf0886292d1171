# SPDX-License-Identifier: Apache-2.0
"""The reference engine against PyTorch in float32 and against numpy on packed bits.

All contenders run on one thread, on the same images, in one process, alternating, and give the
same labels (which is checked). The input of the networks is 1 bit: ours and numpy take +-1 as int8
and pack it within the measured time; PyTorch takes +-1 as float32, made beforehand. Each contender
is measured with batches of 100 and of 1000, and its better one counts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.networks import WIDTHS, Mlp, make_mlp, name_of
from benchmarks.timing import Row, medians
from xnorflow.ir import BIPOLAR
from xnorflow.sim.reference import ReferenceEngine

__all__ = ["measure"]

TITLE = "Reference engine, 784 inputs of 1 bit, one thread"
BATCHES = (100, 1000)
SUBJECTS = (
    ("TFC", 1, 1),
    ("SFC", 1, 1),
    ("LFC", 1, 1),
    ("SFC", 1, 2),
    ("SFC", 2, 2),
    ("SFC", 4, 4),
)

Labels = Callable[[NDArray[Any]], NDArray[np.int64]]


def measure() -> list[Row]:
    """Rows of all subjects."""
    rows = [row for subject in SUBJECTS for row in measure_mlp(*subject)]
    return [*rows, *measure_pixels(), *measure_first_call()]


def measure_mlp(name: str, weight_bits: int, activation_bits: int) -> list[Row]:
    """Ours against all others on one MLP."""
    mlp = make_mlp(WIDTHS[name], weight_bits, activation_bits)
    images = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), (max(BATCHES), 784))
    engine = ReferenceEngine(mlp.network, threads=1)
    contenders: dict[str, tuple[Labels, NDArray[Any]]] = {
        "ours": (lambda x: engine.run(x)[:, 0], images)
    }
    if (weight_bits, activation_bits) == (1, 1):
        contenders["numpy, packed bits"] = (numpy_labels(mlp), images)
    contenders |= torch_contender(mlp, images)
    return compare(f"{name} {name_of(weight_bits, activation_bits)}", contenders)


def measure_pixels() -> list[Row]:
    """SFC from 8-bit pixels: the threshold at the input is within the measured time of both."""
    mlp = make_mlp(WIDTHS["SFC"], 1, 1, pixels=True)
    images = np.random.default_rng(1).integers(0, 256, (max(BATCHES), 28, 28, 1)).astype(np.uint8)
    engine = ReferenceEngine(mlp.network, threads=1)
    contenders: dict[str, tuple[Labels, NDArray[Any]]] = {
        "ours": (lambda x: engine.run(x)[:, 0], images)
    }
    contenders |= torch_contender(mlp, images, pixels=True)
    return compare("SFC W1A1 from pixels", contenders)


def compare(subject: str, contenders: dict[str, tuple[Labels, NDArray[Any]]]) -> list[Row]:
    """Images a second of each contender by its better batch."""
    check_equal(contenders)
    calls: dict[str, Callable[[], object]] = {}
    for name, (labels, images) in contenders.items():
        for batch in BATCHES:
            calls[f"{name} {batch}"] = lambda labels=labels, part=images[:batch]: labels(part)
    seconds = medians(calls)
    rates = {
        name: max(batch / seconds[f"{name} {batch}"] for batch in BATCHES) for name in contenders
    }
    return [
        Row(subject, name, rate, "images/s", None if name == "ours" else rates["ours"] / rate)
        for name, rate in rates.items()
    ]


def check_equal(contenders: dict[str, tuple[Labels, NDArray[Any]]]) -> None:
    """Raise unless all contenders give the same labels."""
    answers = {name: np.asarray(labels(images)) for name, (labels, images) in contenders.items()}
    for name, answer in answers.items():
        if not np.array_equal(answer, answers["ours"]):
            raise RuntimeError(f"{name} gives other labels than ours: the times mean nothing")


def torch_contender(
    mlp: Mlp, images: NDArray[Any], *, pixels: bool = False
) -> dict[str, tuple[Labels, NDArray[Any]]]:
    """PyTorch in float32: matrix products with the threshold in the bias; absent without torch."""
    try:
        import torch
    except ModuleNotFoundError:
        return {}
    torch.set_num_threads(1)
    scales = [1.0 / step for step in mlp.step]
    hidden = [
        (torch.tensor(w.T * s, dtype=torch.float32), torch.tensor(1 - f * s, dtype=torch.float32))
        for w, f, s in zip(mlp.weights, mlp.first, scales, strict=False)
    ]
    last = torch.tensor(mlp.weights[-1].T, dtype=torch.float32)
    top = mlp.activations.levels - 1

    def activate(sums: torch.Tensor) -> torch.Tensor:
        if mlp.activations == BIPOLAR:
            # Thresholds lie between the sums, so none of them is zero here.
            return sums.sign_()
        return sums.floor_().clamp_(0, top)

    if mlp.activations == BIPOLAR:
        hidden = [(w, b - 1 + s / 2) for (w, b), s in zip(hidden, scales, strict=True)]

    @torch.inference_mode()
    def labels(x: Any) -> NDArray[np.int64]:
        if pixels:
            x = (x.reshape(len(x), -1) >= 128).float().mul_(2).sub_(1)
        for weights, bias in hidden:
            x = activate(torch.addmm(bias, x, weights))
        answer: NDArray[np.int64] = (x @ last).argmax(dim=1).numpy()
        return answer

    tensor: Any = torch.from_numpy(images)
    return {"torch float32": (labels, tensor if pixels else tensor.float())}


def numpy_labels(mlp: Mlp) -> Labels:
    """Numpy on packed bits: exclusive or, ``bitwise_count``, threshold, ``packbits``."""
    weights = [packed(w) for w in mlp.weights]
    sizes = [w.shape[1] for w in mlp.weights]
    # The sum is size - 2 * ones: it reaches t where ones stay within these limits.
    limits = [(n - t) // 2 for n, t in zip(sizes, mlp.first, strict=False)]

    def ones(x: NDArray[np.uint64], w: NDArray[np.uint64]) -> NDArray[Any]:
        counts = np.bitwise_count(x[:, np.newaxis] ^ w)
        return counts.sum(axis=2, dtype=np.int64)

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
