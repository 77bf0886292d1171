# SPDX-License-Identifier: Apache-2.0
"""Fashion-MNIST: found on this computer, or downloaded and checked."""

from __future__ import annotations

import gzip
import hashlib
import os
import urllib.request
import zlib
from pathlib import Path

from xnorflow.errors import DataError
from xnorflow.quant.data.dataset import Dataset
from xnorflow.quant.data.idx import IDX_FILES, is_idx_folder, load_idx_folder

__all__ = ["cache_folder", "find_fashion_mnist", "load_fashion_mnist"]

CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
DATA_VARIABLE = "XNORFLOW_DATA"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
DEBIAN_PACKAGE = "dataset-fashion-mnist"
OFFICIAL_HOST = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
TIMEOUT_S = 30

SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""SHA-256 of the decompressed files: the official archives and Debian's differ in compression."""


def load_fashion_mnist() -> Dataset:
    """60,000 training and 10,000 test images of 28x28x1 pixels in ten classes.

    Taken from the first of these that has it: ``$XNORFLOW_DATA/fashion-mnist`` or
    ``$XNORFLOW_DATA``; ``/usr/share/datasets/fashion-mnist`` (Debian's package
    ``dataset-fashion-mnist``); the cache folder, into which it is downloaded otherwise.

    Raises
    ------
    DataError
        If it is nowhere and cannot be downloaded, or a file is corrupt.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747.
    """
    folder = find_fashion_mnist()
    if folder is None:
        folder = cache_folder()
        download(folder)
    return load_idx_folder(folder, "fashion-mnist", CLASSES)


def find_fashion_mnist() -> Path | None:
    """The first folder that has it, if one has."""
    return next((folder for folder in search_path() if is_idx_folder(folder)), None)


def search_path() -> list[Path]:
    """Where it is looked for, in order."""
    data = os.environ.get(DATA_VARIABLE)
    own = [Path(data) / "fashion-mnist", Path(data)] if data else []
    return [*own, DEBIAN_FOLDER, cache_folder()]


def cache_folder() -> Path:
    """Where a downloaded copy is kept (``XDG_CACHE_HOME``, else ``~/.cache``)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "xnorflow" / "fashion-mnist"


def download(folder: Path) -> None:
    """Fetch the four files into ``folder``; none of them appears there unless all are right."""
    try:
        archives = {name: fetch(f"{OFFICIAL_HOST}/{name}.gz", name) for name in IDX_FILES}
        folder.mkdir(parents=True, exist_ok=True)
        for name, archive in archives.items():
            partial = folder / f".{name}.partial"
            partial.write_bytes(archive)
            partial.rename(folder / f"{name}.gz")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(not_found_message(error)) from error


def fetch(url: str, name: str) -> bytes:
    """The gzipped file at ``url`` after checking its content."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
        archive: bytes = response.read()
    found = hashlib.sha256(gzip.decompress(archive)).hexdigest()
    if found != SHA256[name]:
        raise DataError(
            f"{url} is not the file it must be: SHA-256 {found[:16]}... instead of "
            f"{SHA256[name][:16]}...; nothing was kept"
        )
    return archive


def not_found_message(reason: Exception) -> str:
    """Where it was looked for, and what to do."""
    data = os.environ.get(DATA_VARIABLE)
    return (
        f"fashion-mnist was found neither in ${DATA_VARIABLE} ({data or 'not set'}) nor in "
        f"{DEBIAN_FOLDER} nor in {cache_folder()}, and could not be downloaded from "
        f"{OFFICIAL_HOST} ({reason}): set {DATA_VARIABLE} to a folder with its four idx files, "
        f"or apt install {DEBIAN_PACKAGE}"
    )
