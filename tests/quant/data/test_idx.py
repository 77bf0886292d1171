# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xnorflow.errors import DataError
from xnorflow.quant.data.idx import IDX_FILES, is_idx_folder, load_idx_folder, read_idx


def idx_bytes(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_folder(folder: Path, *, compress: bool = False, channels: int | None = None) -> None:
    """A set of 6 training and 4 test images of 3x2 pixels."""
    tail = (3, 2) if channels is None else (3, 2, channels)
    for name, count in zip(IDX_FILES, (6, 6, 4, 4), strict=True):
        shape = (count, *tail) if "images" in name else (count,)
        content = idx_bytes(np.arange(np.prod(shape)).reshape(shape) % 5)
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


@pytest.mark.parametrize("compress", [False, True])
def test_folder_of_four_files_is_a_dataset(tmp_path, compress):
    write_folder(tmp_path, compress=compress)
    data = load_idx_folder(tmp_path)
    assert data.train_images.shape == (6, 3, 2, 1)
    assert data.test_images.shape == (4, 3, 2, 1)
    assert data.train_labels.tolist() == [0, 1, 2, 3, 4, 0]
    assert data.train_images[1, 2, 1, 0] == 11 % 5
    assert data.classes == ("0", "1", "2", "3", "4")
    assert is_idx_folder(tmp_path)


def test_colour_images_keep_their_channels(tmp_path):
    write_folder(tmp_path, channels=3)
    assert load_idx_folder(tmp_path).image_shape == (3, 2, 3)


def test_names_with_a_dot_are_found_too(tmp_path):
    write_folder(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(tmp_path / path.name.replace("-idx", ".idx"))
    assert len(load_idx_folder(tmp_path).test_labels) == 4


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, max_side=5)))
def test_any_array_of_bytes_comes_back(tmp_path_factory, array):
    path = tmp_path_factory.getbasetemp() / "array"
    path.write_bytes(idx_bytes(array))
    assert np.array_equal(read_idx(path), array)


@given(st.data())
def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path_factory, data):
    content = idx_bytes(np.arange(24).reshape(2, 3, 4))
    path = tmp_path_factory.getbasetemp() / "cut"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(DataError, match=rf"^{re.escape(str(path))} "):
        read_idx(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04", "is no idx file: it must start with the bytes 00 00, not 50 4b"),
        (b"", "is no idx file: it must start with the bytes 00 00, not "),
        (b"\0\0\x0d\x01\0\0\0\0", "must hold unsigned bytes .* not type 0d with 1 axes"),
        (b"\0\0\x08\x09", "must hold unsigned bytes .* not type 08 with 9 axes"),
        (
            b"\0\0\x08\x01\0\0\0\x05abc",
            r"is truncated or corrupt: it holds 11 bytes, its header of shape \(5,\) asks for 13",
        ),
        (b"\0\0\x08\x01\0\0\0\x01abc", "is truncated or corrupt: it holds 11 bytes"),
        (b"\0\0\x08\x03\0\0\0\x01", "is truncated or corrupt"),
    ],
)
def test_corrupt_file_is_named_with_the_reason(tmp_path, content, message):
    path = tmp_path / IDX_FILES[0]
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^{re.escape(str(path))} {message}"):
        read_idx(path)


@pytest.mark.parametrize("damage", ["cut", "noise", "plain"])
def test_corrupt_gzip_is_named(tmp_path, damage):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = gzip.compress(idx_bytes(np.arange(500).reshape(5, 10, 10) % 251))
    noise = whole[:20] + bytes(40) + whole[60:]
    path.write_bytes({"cut": whole[:-20], "noise": noise, "plain": b"not gzip"}[damage])
    with pytest.raises(DataError, match=rf"^{re.escape(str(path))} is truncated or corrupt: "):
        read_idx(path)


def test_counts_must_match(tmp_path):
    write_folder(tmp_path)
    path = tmp_path / "t10k-labels-idx1-ubyte"
    path.write_bytes(idx_bytes(np.zeros(3)))
    with pytest.raises(
        DataError,
        match=rf"^{re.escape(str(path))} must have one label for each image of "
        r"t10k-images-idx3-ubyte, not 3 labels for 4 images$",
    ):
        load_idx_folder(tmp_path)


def test_missing_file_is_named(tmp_path):
    write_folder(tmp_path)
    (tmp_path / IDX_FILES[2]).unlink()
    with pytest.raises(DataError, match=r"must hold t10k-images-idx3-ubyte or .*, and does not$"):
        load_idx_folder(tmp_path)


def test_unreadable_file_is_named(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(DataError, match=r"file cannot be read: Is a directory$"):
        read_idx(tmp_path / "file")
