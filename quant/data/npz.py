# SPDX-License-Identifier: Apache-2.0
"""Data sets in one ``.npz`` file.

Either ``x_train, y_train, x_test, y_test`` or ``train_images, train_labels, test_images,
test_labels``: uint8 images of shape ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, features)``, and
integer labels of shape ``(n,)``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import DataError
from xnorflow.ir.store import UNREADABLE
from xnorflow.quant.data.dataset import Dataset, make_dataset

__all__ = ["load_npz"]

KEY_SETS = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)


def load_npz(path: Path) -> Dataset:
    """The data set in ``path``.

    Raises
    ------
    DataError
        If the file is corrupt, has other keys, or its arrays do not fit each other.
    """
    try:
        with path.open("rb") as file:
            train_images, train_labels, test_images, test_labels = read_arrays(path, file)
    except UNREADABLE as error:
        raise DataError(f"{path} is truncated or corrupt: {error}") from error
    return make_dataset(str(path), (train_images, train_labels), (test_images, test_labels))


def read_arrays(path: Path, file: BinaryIO) -> list[NDArray[Any]]:
    """The four arrays of the archive ``file``."""
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise DataError(f"{path} must be an archive of arrays (.npz), not a single array")
    for keys in KEY_SETS:
        if set(keys) <= set(archive.files):
            return [archive[key] for key in keys]
    raise DataError(
        f"{path} must hold {' or '.join(', '.join(keys) for keys in KEY_SETS)}; "
        f"it holds {', '.join(archive.files) or 'nothing'}"
    )
