# SPDX-License-Identifier: Apache-2.0
"""The commands and recipes that the documentation shows really work."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from xnorflow.cli.group import SUBCOMMANDS, root

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md")) + sorted(DOCS.glob("howto/*.md"))


def blocks(page: Path, language: str) -> list[str]:
    """Contents of the fenced blocks of ``language``."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """Words of every ``xnorflow`` command line that ``page`` shows."""
    lines = [
        line.removeprefix("$ ")
        for language in ("console", "sh")
        for block in blocks(page, language)
        for line in block.splitlines()
    ]
    return [shlex.split(line) for line in lines if line.startswith("xnorflow ")]


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(DOCS).as_posix() for path in paths]


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_command_line_can_be_parsed(page: Path) -> None:
    for _, name, *arguments in commands(page):
        assert name in SUBCOMMANDS
        context = click.Context(root, info_name="xnorflow")
        command = root.get_command(context, name)
        assert command is not None
        command.make_context(name, list(arguments), parent=context)


def test_every_recipe_and_sweep_is_valid() -> None:
    from xnorflow.quant.recipe import parse_recipe
    from xnorflow.sweep.spec import parse_sweep

    documents = [tomllib.loads(block) for page in PAGES for block in blocks(page, "toml")]
    sweeps = [document for document in documents if "studies" in document]
    recipes = [document for document in documents if "studies" not in document]
    assert sweeps
    assert recipes
    for recipe in recipes:
        parse_recipe(recipe, str(recipe))
    for sweep in sweeps:
        parse_sweep(sweep, str(sweep))


@pytest.mark.slow
def test_the_tutorial_works_from_top_to_bottom(tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    for words in commands(DOCS / "tutorial.md"):
        run = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{shlex.join(words)}: {run.stderr}"
    (session,) = blocks(DOCS / "tutorial.md", "pycon")
    code = "\n".join(line.removeprefix(">>> ") for line in session.splitlines() if ">>>" in line)
    python = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert python.stdout.startswith("network {")
