# SPDX-License-Identifier: Apache-2.0
"""Output folders are complete or absent, whatever goes wrong."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xnorflow.errors import ArtifactError, OutputError
from xnorflow.rundir import RunFolder, fresh_folder, write_file


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def fail_half_way(folder: Path, error: BaseException) -> None:
    (folder / "half").touch()
    raise error


def test_the_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "run"
    with fresh_folder(target) as folder:
        (folder / "file").write_text("text")
        assert not target.exists()
    assert (target / "file").read_text() == "text"
    assert names(target.parent) == {"run"}


def test_existing_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    message = rf"^output folder {tmp_path}/run exists already: choose another, or use --force$"
    with pytest.raises(OutputError, match=message), fresh_folder(tmp_path / "run"):
        pytest.fail("the block must not run")
    assert names(tmp_path) == {"run"}


def test_existing_folder_is_replaced_when_asked(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").touch()
    with fresh_folder(target, replace=True) as folder:
        (folder / "new").touch()
        assert names(target) == {"old"}
    assert names(target) == {"new"}
    assert names(tmp_path) == {"run"}


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.write_text("precious")
    message = rf"^output folder {target} must be a folder, and is a file$"
    with pytest.raises(OutputError, match=message), fresh_folder(target, replace=True):
        pytest.fail("the block must not run")
    assert target.read_text() == "precious"


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to("disk")
    with fresh_folder(tmp_path / "run", replace=True) as folder:
        (folder / "new").touch()
    assert (tmp_path / "run").is_symlink()
    assert names(tmp_path / "disk") == {"new"}


def test_the_current_folder_can_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    with fresh_folder(Path(), replace=True) as folder:
        (folder / "new").touch()
    assert names(tmp_path / "run") == {"new"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
@pytest.mark.parametrize("existing", [False, True])
def test_an_error_inside_leaves_everything_as_it_was(
    tmp_path: Path, error: type[BaseException], existing: bool
) -> None:
    target = tmp_path / "run"
    if existing:
        target.mkdir()
        (target / "old").touch()
    with pytest.raises(error), fresh_folder(target, replace=True) as folder:
        fail_half_way(folder, error())
    assert names(tmp_path) == ({"run"} if existing else set())
    assert not existing or names(target) == {"old"}


def test_what_an_earlier_kill_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".run.partial").mkdir()
    (tmp_path / ".run.partial" / "half").touch()
    (tmp_path / ".run.replaced").mkdir()
    (tmp_path / ".run.replaced" / "old").touch()
    (tmp_path / "run").mkdir()
    with fresh_folder(tmp_path / "run", replace=True) as folder:
        assert names(folder) == set()
    assert names(tmp_path) == {"run"}


def test_two_processes_do_not_make_one_folder(tmp_path: Path) -> None:
    """The second one is refused, and the first one goes on as if nothing had been."""
    other = (
        "import sys; from pathlib import Path; from xnorflow.rundir import fresh_folder\n"
        "with fresh_folder(Path(sys.argv[1]), replace=True): pass"
    )
    with fresh_folder(tmp_path / "run") as folder:
        (folder / "mine").touch()
        command = [sys.executable, "-c", other, str(tmp_path / "run")]
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert second.stderr.endswith(f"{tmp_path / 'run'} is being made by another process\n")
        assert names(folder) == {"mine"}
    assert names(tmp_path / "run") == {"mine"}
    assert subprocess.run(command, check=False).returncode == 0
    assert names(tmp_path) == {"run"}
    assert names(tmp_path / "run") == set()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with fresh_folder(tmp_path / "run") as folder:
        (folder / "mine").touch()
    assert names(tmp_path / "run") == {"mine"}


def test_parent_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = rf"^cannot write {tmp_path}/file/run: a part of the path is a file$"
    with pytest.raises(OutputError, match=message), fresh_folder(tmp_path / "file" / "run"):
        pytest.fail("the block must not run")


def test_name_too_long(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"^cannot write .*: the name is too long$"),
        fresh_folder(tmp_path / ("x" * 250)),
    ):
        pytest.fail("the block must not run")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "no space is left on the device"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EPERM, "permission denied"),
    ],
)
def test_refusals_while_the_folder_is_filled(tmp_path: Path, number: int, reason: str) -> None:
    message = rf"^cannot write {tmp_path}/run: {reason}$"
    with pytest.raises(OutputError, match=message), fresh_folder(tmp_path / "run") as folder:
        fail_half_way(folder, OSError(number, os.strerror(number)))
    assert names(tmp_path) == set()


def test_other_errors_of_the_system_are_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), fresh_folder(tmp_path / "run"):
        (tmp_path / "nothing").read_text()
    assert names(tmp_path) == set()


def test_an_interruption_while_the_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C may come as soon as the folder is there."""
    make = Path.mkdir

    def interrupted(path: Path, *arguments: Any, **options: Any) -> None:
        make(path, *arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt), fresh_folder(tmp_path / "run"):
        pass
    assert names(tmp_path) == set()


FILL = """
from pathlib import Path
from typing import Any
from xnorflow.errors import OutputError
from xnorflow.rundir import fresh_folder
disk = Path({disk!r})
try:
    with fresh_folder(disk / "run") as folder:
        (folder / "file").write_bytes(bytes(1 << 20))
except OutputError as error:
    print(error)
print(sorted(path.name for path in disk.iterdir()))
"""


def on_a_small_disk(disk: Path, code: str) -> str:
    """What ``code`` prints with a file system of 64 KiB mounted on ``disk``, by it alone."""
    if shutil.which("unshare") is None:
        pytest.skip("a file system of its own needs unshare (Linux)")
    mount = f"mount -t tmpfs -o size=64k none '{disk}' && exec \"$@\""
    script = ["sh", "-c", mount, "sh", sys.executable, "-c", code]
    for rights in (["-m"], ["-r", "-m"]):
        tried = subprocess.run(
            ["unshare", *rights, "true"], capture_output=True, check=False, timeout=60
        )
        if tried.returncode == 0:
            result = subprocess.run(
                ["unshare", *rights, *script],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            if "mount:" not in result.stderr:
                assert result.returncode == 0, result.stderr
                return result.stdout
    pytest.skip("mounting a small file system is not allowed here")


def test_no_free_disk(tmp_path: Path) -> None:
    printed = on_a_small_disk(tmp_path, FILL.format(disk=str(tmp_path)))
    reason = "no space is left on the device"
    assert printed.splitlines() == [f"cannot write {tmp_path}/run: {reason}", "[]"]


def test_paths_of_a_run_folder(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.model == tmp_path / "model"
    assert run.rtl == tmp_path / "rtl"
    assert run.metrics == tmp_path / "metrics.json"


def test_required_parts(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    message = rf"^{tmp_path} has no rtl: run `xnorflow build` first$"
    with pytest.raises(ArtifactError, match=message):
        run.require(run.rtl, "xnorflow build")
    run.rtl.mkdir()
    assert run.require(run.rtl, "xnorflow build") == run.rtl
    missing = RunFolder(tmp_path / "nothing")
    message = rf"^{tmp_path}/nothing is not a RUN folder: there is no such folder$"
    with pytest.raises(ArtifactError, match=message):
        missing.require(missing.model, "xnorflow train")


def test_a_file_is_made_with_its_folder(tmp_path: Path) -> None:
    write_file(tmp_path / "deep" / "file", b"new")
    write_file(tmp_path / "deep" / "file", b"newer", replace=True)
    assert (tmp_path / "deep" / "file").read_bytes() == b"newer"
    assert names(tmp_path / "deep") == {"file"}


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (OSError(errno.ENOSPC, "full"), OutputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_file_that_cannot_be_written_leaves_the_old_one(
    error: BaseException,
    shown: type[BaseException],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_bytes(b"old")

    def half(path: Path, content: bytes) -> int:
        path.touch()
        raise error

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(shown):
        write_file(tmp_path / "file", b"new", replace=True)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == {"file"}
