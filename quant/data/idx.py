# SPDX-License-Identifier: Apache-2.0
"""The idx format of MNIST and its descendants, plain or gzipped.

An idx file of bytes is ``00 00 08 ndim``, then ``ndim`` sizes as big-endian 32-bit numbers, then
the elements in row-major order.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import DataError
from xnorflow.quant.data.dataset import Dataset, make_dataset

__all__ = ["find_idx_file", "is_idx_folder", "load_idx_folder", "read_idx"]

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""Standard names: training images and labels, test images and labels."""

UNSIGNED_BYTE = 0x08
MAX_AXES = 4


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in the idx file ``path`` (gzipped where its name ends in ``.gz``).

    Raises
    ------
    DataError
        If the file is missing, no idx file of unsigned bytes, truncated, or too long.
    """
    content = read_bytes(path)
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(
            f"{path} is no idx file: it must start with the bytes 00 00, not {content[:2].hex(' ')}"
        )
    kind, axes = content[2], content[3]
    if kind != UNSIGNED_BYTE or not 1 <= axes <= MAX_AXES:
        raise DataError(
            f"{path} must hold unsigned bytes (type 08) with 1 to {MAX_AXES} axes, "
            f"not type {kind:02x} with {axes} axes"
        )
    start = 4 + 4 * axes
    header = content[4:start].ljust(4 * axes, b"\0")
    shape = struct.unpack(f">{axes}I", header)
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise DataError(
            f"{path} is truncated or corrupt: it holds {len(content)} bytes, "
            f"its header of shape {shape} asks for {expected}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def read_bytes(path: Path) -> bytes:
    """The content of ``path``, decompressed."""
    try:
        if path.suffix != ".gz":
            return path.read_bytes()
        with gzip.open(path) as file:
            return file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is truncated or corrupt: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def find_idx_file(folder: Path, name: str) -> Path | None:
    """The file of ``folder`` with the standard ``name``, as it is or gzipped, if there is one.

    ``train-images.idx3-ubyte`` (a dot for the last hyphen but one) is found as well.
    """
    stems = (name, name.replace("-idx", ".idx"))
    candidates = (folder / f"{stem}{suffix}" for stem in stems for suffix in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def is_idx_folder(folder: Path) -> bool:
    """Whether ``folder`` holds at least one file with a standard name."""
    return any(find_idx_file(folder, name) is not None for name in IDX_FILES)


def load_idx_folder(folder: Path, name: str = "", classes: tuple[str, ...] = ()) -> Dataset:
    """The data set in the four idx files of ``folder``.

    Raises
    ------
    DataError
        If a file is missing or corrupt, or counts and shapes do not fit.
    """
    paths = []
    for standard in IDX_FILES:
        path = find_idx_file(folder, standard)
        if path is None:
            raise DataError(f"{folder} must hold {standard} or {standard}.gz, and does not")
        paths.append(path)
    arrays = [read_idx(path) for path in paths]
    for images, labels in ((0, 1), (2, 3)):
        if len(arrays[images]) != len(arrays[labels]):
            raise DataError(
                f"{paths[labels]} must have one label for each image of {paths[images].name}, "
                f"not {len(arrays[labels])} labels for {len(arrays[images])} images"
            )
    train, test = (arrays[0], arrays[1]), (arrays[2], arrays[3])
    return make_dataset(name or str(folder), train, test, classes)
