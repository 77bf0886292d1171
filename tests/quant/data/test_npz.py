# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.errors import DataError
from xnorflow.quant.data import load_dataset
from xnorflow.quant.data.npz import KEY_SETS

IMAGES = np.arange(4 * 6, dtype=np.uint8).reshape(4, 2, 3)
LABELS = np.array([0, 2, 1, 0])


def write(path, keys=KEY_SETS[0], **changes):
    arrays = dict(zip(keys, (IMAGES, LABELS, IMAGES[:2], LABELS[:2]), strict=True)) | changes
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("keys", KEY_SETS)
def test_either_set_of_keys(tmp_path, keys):
    data = load_dataset(write(tmp_path / "set.npz", keys))
    assert data.train_images.shape == (4, 2, 3, 1)
    assert data.test_labels.tolist() == [0, 2]
    assert len(data.classes) == 3


def test_rows_of_features_are_lines_of_pixels(tmp_path):
    flat = IMAGES.reshape(4, 6)
    data = load_dataset(write(tmp_path / "set.npz", x_train=flat, x_test=flat[:2]))
    assert data.image_shape == (1, 6, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": IMAGES / 255}, "training part: images must be uint8, not float64"),
        ({"x_test": IMAGES[0, 0]}, r"test part: images must have 2 to 4 axes, not shape \(3,\)"),
        ({"y_test": LABELS * 1.0}, "test part: labels must be integers, not float64"),
        (
            {"y_train": LABELS[:3]},
            r"training part: there must be one label for each image, not labels of shape \(3,\) "
            "for 4 images",
        ),
        ({"y_train": LABELS - 1}, r"training part: labels must be 0\.\.4095, not -1\.\.1"),
        (
            {"x_test": IMAGES[:2, :, :2]},
            r"training and test images must have one shape, not \(2, 3, 1\) and \(2, 2, 1\)",
        ),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, changes, message):
    path = write(tmp_path / "set.npz", **changes)
    with pytest.raises(DataError, match=rf"^{re.escape(str(path))}: {message}$"):
        load_dataset(path)


def test_other_keys_are_listed(tmp_path):
    np.savez(tmp_path / "set.npz", images=IMAGES)
    with pytest.raises(DataError, match=r"set.npz must hold x_train, .* it holds images$"):
        load_dataset(tmp_path / "set.npz")


@given(st.data())
def test_a_cut_archive_is_refused_wherever_it_is_cut(tmp_path_factory, data):
    whole = write(tmp_path_factory.getbasetemp() / "whole.npz").read_bytes()
    path = tmp_path_factory.getbasetemp() / "cut.npz"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(DataError, match=rf"^{re.escape(str(path))} is truncated or corrupt: "):
        load_dataset(path)


@given(st.data())
def test_a_damaged_archive_is_refused_or_holds_the_same(tmp_path_factory, data):
    path = write(tmp_path_factory.getbasetemp() / "set.npz")
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        assert np.array_equal(load_dataset(path).train_images[..., 0], IMAGES)


def test_a_single_array_is_no_dataset(tmp_path):
    with (tmp_path / "set.npz").open("wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(DataError, match=r"set.npz must be an archive of arrays"):
        load_dataset(tmp_path / "set.npz")


def test_pickles_are_never_read(tmp_path):
    path = write(tmp_path / "set.npz", x_train=np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"set.npz is truncated or corrupt: .*pickle"):
        load_dataset(path)
