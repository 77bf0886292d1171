# SPDX-License-Identifier: Apache-2.0
"""Rows of a sweep for tests: made up, but of every kind that there is."""

from __future__ import annotations

from itertools import count, product
from typing import Any

import numpy as np

Row = dict[str, Any]

HARDWARE = (
    "device", "clock_mhz", "cycles_per_frame", "frames_per_second", "luts", "flip_flops",
    "block_rams", "dsps", "memory_bits", "synthesised_luts", "mismatches", "verified_images",
)  # fmt: skip


def make_row(**changes: Any) -> Row:
    """A row that is done, with ``changes``; a floating-point one has no hardware."""
    row: Row = {
        "point": "p", "study": "widths", "method": "trained", "architecture": "mlp 64-64",
        "dataset": "digits", "weight_bits": "1", "activation_bits": "2", "seed": 0,
        "sparsity_percent": 0.0, "pattern": "", "teachers": "", "teacher_weight": None,
        "temperature": None, "labelled_percent": 100.0, "epochs": 10, "accuracy_percent": 90.0,
        "mismatches": 0, "verified_images": 100, "weights": 9000, "size_bits": 12_000,
        "coded_bits": 11_000, "float_bits": 288_000, "device": "ecp5", "clock_mhz": 100.0,
        "cycles_per_frame": 64, "frames_per_second": 1_562_500.0, "luts": 4000,
        "flip_flops": 5000, "block_rams": 2.5, "dsps": 0, "memory_bits": 13_000,
        "synthesised_luts": None, "train_seconds": 3.25, "status": "done", "error": "",
    }  # fmt: skip
    if changes.get("method") == "float":
        row |= {"weight_bits": "float", "activation_bits": "float"} | dict.fromkeys(HARDWARE)
    return row | changes


def failed_row(**changes: Any) -> Row:
    """A row that failed before it had any result."""
    results = dict.fromkeys([*HARDWARE, "accuracy_percent", "train_seconds"])
    return make_row(**{"status": "failed", "error": "ToolError: no"} | results | changes)


def sweep_rows() -> list[Row]:
    """A small sweep: widths, methods, patterns, teachers, a failure and a mismatch."""
    rng = np.random.default_rng(3)
    names = (f"point {number}" for number in count())
    rows = []

    def add(seeds: int = 1, **changes: Any) -> None:
        for seed in range(seeds):
            accuracy = changes["accuracy_percent"] + float(rng.normal(0, 0.2))
            changed = {"point": next(names), "seed": seed} | changes
            rows.append(make_row(**changed | {"accuracy_percent": accuracy}))

    add(3, method="float", accuracy_percent=97.0, size_bits=288_000)
    for at, (weights, activations) in enumerate([("8", "8"), ("2", "2"), ("t", "t"), ("1", "1")]):
        widths = {"weight_bits": weights, "activation_bits": activations, "luts": 9000 - 2000 * at}
        add(3, **widths, accuracy_percent=96.5 - at)
        add(1, **widths, method="fine-tuned", accuracy_percent=96.0 - at, study="post")
        add(1, **widths, method="after training", epochs=0, accuracy_percent=96.0 - 20 * at)
    for at, (pattern, sparsity) in enumerate(product(("fan-in", "tiles"), (50.0, 75.0))):
        pruned = {"pattern": pattern, "sparsity_percent": sparsity, "luts": 2500 - 300 * at}
        add(1, **pruned, weight_bits="2", study="pruning", accuracy_percent=93.0 - at)
    distilled = {"teachers": "float x 3", "teacher_weight": 0.7, "temperature": 4.0}
    add(3, **distilled, weight_bits="1", activation_bits="1", accuracy_percent=95.0)
    add(1, accuracy_percent=91.0, mismatches=7, weight_bits="4", activation_bits="1")
    rows.append(failed_row(point="broken", weight_bits="8", activation_bits="1"))
    return rows
