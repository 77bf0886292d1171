# SPDX-License-Identifier: Apache-2.0
"""The cache of compiled simulators."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from xnorflow.errors import OutputError
from xnorflow.sim.rtl import ObjectCache
from xnorflow.sim.rtl.cache import content_key


def make(folder: Path) -> Path:
    path = folder / "made"
    path.write_text("content")
    return path


def test_made_once(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "deep" / "cache")
    path = cache.get("name", make)
    assert path.read_text() == "content"
    assert cache.get("name", lambda _: pytest.fail("made again")) == path
    assert list(cache.folder.iterdir()) == [path]


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path)

    def fail(folder: Path) -> Path:
        make(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get("name", fail)
    assert list(tmp_path.iterdir()) == []


def test_two_at_once(tmp_path: Path) -> None:
    """Both make it, neither sees the other's work half done."""
    cache = ObjectCache(tmp_path)
    meet = threading.Barrier(2)
    found: list[str] = []

    def slow(folder: Path) -> Path:
        path = make(folder)
        meet.wait(timeout=10)
        return path

    def work() -> None:
        found.append(cache.get("name", slow).read_text())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["content", "content"]
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"^the cache folder .*file/cache cannot be written: .*"):
        ObjectCache(tmp_path / "file" / "cache").get("name", make)


def test_boundaries_of_parts_count() -> None:
    assert content_key(["ab", "c"]) != content_key(["a", "bc"])
    assert content_key(["ab", b"c"]) == content_key([b"ab", "c"])
