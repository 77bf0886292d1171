# SPDX-License-Identifier: Apache-2.0
"""Small networks of every kind of recipe."""

from __future__ import annotations

SMALL: dict[str, tuple[dict[str, object], tuple[int, int, int]]] = {
    "mlp": ({"widths": [8, 12]}, (4, 5, 2)),
    "cnv": ({"width_multiplier": 1 / 16}, (28, 27, 1)),
    "vgg": ({"stages": [[4], [8, 6]], "hidden": [8]}, (8, 9, 1)),
    "resnet": ({"widths": [4, 8], "blocks": 2}, (10, 7, 1)),
    "dscnn": ({"stem": 4, "widths": [8, 6], "strides": [1, 2]}, (9, 7, 2)),
    "kws": ({"widths": [6, 8], "strides": [1, 2], "dilations": [1, 2]}, (1, 9, 3)),
}
"""For each kind: keys of a small one, all of whose layers have an even width, and its images."""
