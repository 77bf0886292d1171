# SPDX-License-Identifier: Apache-2.0
"""Releases: RUN folders with a bitstream, cut down to what is worth keeping, with a manifest.

``python -m xnorflow.bitstreams.release RUN BOARD FOLDER`` makes one of a RUN folder. It is a RUN
folder itself: ``program``, ``infer``, ``verify --bitstream`` and ``synth --force`` take it as it
is. Checkpoint, netlists and logs are left out, and so is a bitstream of a megabyte or more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xnorflow.bitstreams.flow import REPORT_FILE
from xnorflow.errors import ArtifactError, XnorflowError
from xnorflow.rundir import RunFolder, fresh_folder

__all__ = ["MANIFEST_FILE", "changed_files", "write_release"]

MANIFEST_FILE = "manifest.json"
SCHEMA_VERSION = 1
LEFT_OUT = frozenset({"checkpoint.pt", "routed.json", "nextpnr.log"})
MAX_FILE_BYTES = 1_000_000


def write_release(
    run: str | Path, board: str, folder: str | Path, *, replace: bool = False
) -> Path:
    """Make ``folder`` of what ``run`` has for ``board``.

    Parameters
    ----------
    run
        A RUN folder in which ``synth --board`` has made the bitstream.
    board
        The board.
    folder
        The release.
    replace
        Replace it if it is there.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    ArtifactError
        If there is no such bitstream, or no record of the accuracy.
    OutputError
        If ``folder`` is there and not to be replaced, or cannot be written.
    """
    source = RunFolder(Path(run))
    command = f"xnorflow synth {source.root} --board {board}"
    bitstream = source.require(source.bitstream(board), command)
    metrics = source.require(source.metrics, f"xnorflow train RECIPE -o {source.root}")
    target = RunFolder(Path(folder))
    with fresh_folder(target.root, replace=replace) as output:
        made = RunFolder(output)
        copy_kept(source.model, made.model)
        copy_kept(source.rtl, made.rtl)
        copy_kept(bitstream, made.bitstream(board))
        shutil.copyfile(metrics, made.metrics)
        document = manifest(made, board)
        (output / MANIFEST_FILE).write_text(json.dumps(document, indent=1) + "\n")
    return target.root / MANIFEST_FILE


def copy_kept(source: Path, target: Path) -> None:
    """Copy the files of ``source`` that a release keeps."""
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        if path.name not in LEFT_OUT and path.stat().st_size < MAX_FILE_BYTES:
            shutil.copyfile(path, target / path.name)


def manifest(release: RunFolder, board: str) -> dict[str, Any]:
    """What the release is, what was measured, and how to make its bitstream again."""
    report = json.loads((release.bitstream(board) / REPORT_FILE).read_text())
    metrics = json.loads(release.metrics.read_text())
    clock = report["clock"]
    link = "--link spi" if report["baud"] is None else f"--baud {report['baud']}"
    command = (
        f"xnorflow synth FOLDER --board {board} --clock-mhz {clock['requested_mhz']:g} "
        f"{link} --seed {report['seed']} --force"
    )
    return {
        "schema_version": SCHEMA_VERSION,
        "board": board,
        "part": report["part"],
        "network_sha256": report["model_sha256"],
        "dataset": dataset(release),
        "accuracy_percent": metrics["accuracy_percent"],
        "test_images": metrics["test_images"],
        "clock_mhz": clock["mhz"],
        "fmax_mhz": report["timing"]["fmax_mhz"],
        "frames_per_second": report["frames_per_second"],
        "usage": report["usage"],
        "bitstream": {"file": report["file"], "sha256": report["sha256"]},
        "tools": report["tools"],
        "reproduce": f"XNORFLOW_TOOLS=packages {command}",
        "files": {str(path): digest(release.root / path) for path in files_of(release.root)},
    }


def dataset(release: RunFolder) -> str | None:
    """The data set of training; None if there is no recipe."""
    recipe = release.model / "recipe.toml"
    return tomllib.loads(recipe.read_text())["train"]["dataset"] if recipe.exists() else None


def files_of(folder: Path) -> Iterator[Path]:
    """All files in ``folder`` but the manifest, relative to it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MANIFEST_FILE:
            yield path.relative_to(folder)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def changed_files(folder: str | Path) -> list[str]:
    """Files of a release that are not as its manifest says: changed, missing, or unknown.

    Raises
    ------
    ArtifactError
        If ``folder`` has no manifest.
    """
    root = Path(folder)
    path = root / MANIFEST_FILE
    if not path.exists():
        raise ArtifactError(f"{root} is not a release: it has no {MANIFEST_FILE}")
    said: dict[str, str] = json.loads(path.read_text())["files"]
    found = {str(name): digest(root / name) for name in files_of(root)}
    return sorted(name for name in said | found if said.get(name) != found.get(name))


def main() -> int:
    """Make a release."""
    parser = argparse.ArgumentParser(
        prog="python -m xnorflow.bitstreams.release",
        description="Make a release of a RUN folder and its bitstream for a board.",
    )
    parser.add_argument("run", metavar="RUN", type=Path)
    parser.add_argument("board", metavar="BOARD")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--force", action="store_true", help="replace FOLDER if it exists")
    options = parser.parse_args()
    try:
        written = write_release(options.run, options.board, options.folder, replace=options.force)
    except XnorflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"wrote {written}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
