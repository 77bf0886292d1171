# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import sys

import numpy as np
import pytest

from xnorflow.errors import DataError, ToolError
from xnorflow.quant.data import fashion_mnist, list_datasets, load_dataset
from xnorflow.quant.data.digits import stratified_split
from xnorflow.quant.data.idx import IDX_FILES


@pytest.fixture
def no_copy(tmp_path, monkeypatch):
    """A computer without Fashion-MNIST, whose downloads come from a folder."""
    host = tmp_path / "host"
    host.mkdir()
    monkeypatch.delenv("XNORFLOW_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setattr(fashion_mnist, "OFFICIAL_HOST", host.as_uri())
    return host


def small_files():
    """Content of the four files of a set of 3 and 2 images."""
    images = bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8, 9])
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 9])
    return dict(zip(IDX_FILES, (images, labels, images, labels), strict=True))


def test_digits_are_split_once_and_for_all():
    data = load_dataset("digits")
    assert data.train_images.shape == (1437, 8, 8, 1)
    assert data.test_images.shape == (360, 8, 8, 1)
    assert data.train_images.dtype == np.uint8
    assert data.train_images.max() == 255
    assert data.digest() == load_dataset("digits").digest()
    assert np.bincount(data.test_labels).min() >= 35
    everything = np.concatenate([data.train_images, data.test_images]).reshape(1797, -1)
    assert len(np.unique(everything, axis=0)) == 1797


def test_split_takes_the_same_share_of_each_class():
    labels = np.repeat([0, 1, 2], [10, 50, 140])
    train, test = stratified_split(labels, 40, seed=3)
    assert np.bincount(labels[test]).tolist() == [2, 10, 28]
    assert sorted([*train, *test]) == list(range(200))


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ToolError, match=r"^the data set 'digits' comes with scikit-learn, .* pip"):
        load_dataset("digits")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fashion_mnist", "; did you mean 'fashion-mnist'?"),
        ("Digits", "; did you mean 'digits'?"),
        ("cifar-1000", ""),
    ],
)
def test_unknown_name_lists_what_there_is(name, hint):
    expected = (
        f"unknown data set {name!r}: it must be one of digits, fashion-mnist, "
        f"digits-rows, fashion-mnist-rows, a folder of idx files, or an .npz file{hint}"
    )
    with pytest.raises(DataError) as raised:
        load_dataset(name)
    assert str(raised.value) == expected


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "set.csv").write_text("1,2")
    with pytest.raises(DataError, match=r"^a data set must be a folder of idx files or an \.npz"):
        load_dataset(tmp_path / "set.csv")


@pytest.mark.parametrize("below", ["", "fashion-mnist"])
def test_own_copy_comes_first(no_copy, tmp_path, monkeypatch, below):
    folder = tmp_path / "own" / below
    folder.mkdir(parents=True)
    for name, content in small_files().items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("XNORFLOW_DATA", str(tmp_path / "own"))
    data = load_dataset("fashion-mnist")
    assert data.train_images.reshape(-1).tolist() == [7, 8, 9]
    assert data.classes[9] == "ankle boot"
    assert list_datasets()[1].source == str(folder)


def test_nowhere_says_all_places_and_what_to_do(no_copy, tmp_path):
    with pytest.raises(DataError) as raised:
        load_dataset("fashion-mnist")
    message = str(raised.value)
    assert message.startswith("fashion-mnist was found neither in $XNORFLOW_DATA (not set) nor in")
    for part in (tmp_path / "debian", tmp_path / "cache", no_copy.as_uri()):
        assert str(part) in message
    assert message.endswith("or apt install dataset-fashion-mnist")
    assert not list_datasets()[1].available


def test_download_is_checked_and_kept(no_copy, tmp_path, monkeypatch):
    for name, content in small_files().items():
        (no_copy / f"{name}.gz").write_bytes(gzip.compress(content))
    cache = tmp_path / "cache" / "xnorflow" / "fashion-mnist"
    with pytest.raises(DataError, match=r"ubyte\.gz is not the file it must be: SHA-256 "):
        load_dataset("fashion-mnist")
    assert not cache.exists()

    digests = {
        name: fashion_mnist.hashlib.sha256(content).hexdigest()
        for name, content in small_files().items()
    }
    monkeypatch.setattr(fashion_mnist, "SHA256", digests)
    assert load_dataset("fashion-mnist").test_labels.tolist() == [0, 1, 9]
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{n}.gz" for n in IDX_FILES)


def test_digests_are_those_of_an_installed_copy():
    folder = fashion_mnist.find_fashion_mnist()
    if folder is None:
        pytest.skip("Fashion-MNIST is not on this computer")
    for name, digest in fashion_mnist.SHA256.items():
        content = fashion_mnist.fetch((folder / f"{name}.gz").as_uri(), name)
        assert len(content) > 1000
        assert len(digest) == 64
