# SPDX-License-Identifier: Apache-2.0
"""Data sets by name or path."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xnorflow.errors import DataError
from xnorflow.quant.data.dataset import Dataset
from xnorflow.quant.data.digits import load_digits
from xnorflow.quant.data.fashion_mnist import find_fashion_mnist, load_fashion_mnist
from xnorflow.quant.data.idx import load_idx_folder
from xnorflow.quant.data.npz import load_npz
from xnorflow.quant.data.rows import by_rows

__all__ = ["DatasetInfo", "list_datasets", "load_dataset"]

LOADERS: dict[str, Callable[[], Dataset]] = {
    "digits": load_digits,
    "fashion-mnist": load_fashion_mnist,
    "digits-rows": lambda: by_rows(load_digits(), "digits-rows"),
    "fashion-mnist-rows": lambda: by_rows(load_fashion_mnist(), "fashion-mnist-rows"),
}


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What is known of a named data set without loading it.

    Parameters
    ----------
    name
        Name for :func:`load_dataset`.
    summary
        Its size, in words.
    available
        Whether it can be loaded without a download.
    source
        Where it is, or what makes it available.
    """

    name: str
    summary: str
    available: bool
    source: str


def load_dataset(name_or_path: str | Path) -> Dataset:
    """The data set called ``name_or_path``, or the one in that folder or ``.npz`` file.

    Raises
    ------
    DataError
        If there is no such data set, or its files are corrupt.
    ToolError
        If a package that ships it is not installed.
    """
    name = str(name_or_path)
    if name in LOADERS:
        return LOADERS[name]()
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return load_idx_folder(path)
    if path.is_file() and path.suffix == ".npz":
        return load_npz(path)
    if path.is_file():
        raise DataError(f"a data set must be a folder of idx files or an .npz file, not {path}")
    raise DataError(unknown_message(name))


def unknown_message(name: str) -> str:
    """That there is no data set ``name``, what there is, and perhaps what was meant."""
    close = difflib.get_close_matches(name.lower(), LOADERS, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return (
        f"unknown data set {name!r}: it must be one of {', '.join(LOADERS)}, "
        f"a folder of idx files, or an .npz file{hint}"
    )


def list_datasets() -> tuple[DatasetInfo, ...]:
    """All named data sets, and whether they are here."""
    has_sklearn = importlib.util.find_spec("sklearn") is not None
    digits = (has_sklearn, "scikit-learn" if has_sklearn else "pip install scikit-learn")
    folder = find_fashion_mnist()
    where = str(folder) if folder else "downloaded when it is first used (30 MB)"
    fashion = (folder is not None, where)
    return (
        DatasetInfo("digits", "1437 + 360 images of 8x8x1, 10 classes", *digits),
        DatasetInfo("fashion-mnist", "60000 + 10000 images of 28x28x1, 10 classes", *fashion),
        DatasetInfo("digits-rows", "digits as signals: 8 rows in time, 8 channels", *digits),
        DatasetInfo(
            "fashion-mnist-rows",
            "fashion-mnist as signals: 28 rows in time, 28 channels",
            *fashion,
        ),
    )
