# SPDX-License-Identifier: Apache-2.0
"""What must hold for the repository as a whole."""

from __future__ import annotations

import re
import runpy
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
SUBPACKAGES = ("quant", "hw", "sim", "bitstreams")
SPDX = "# SPDX-License-Identifier: Apache-2.0"


def tracked_files() -> list[Path]:
    """Files that are or would be in the repository, relative to its root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(line) for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.fixture(scope="module")
def files() -> list[Path]:
    return tracked_files()


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_file_of_code_starts_with_its_licence(files: list[Path]) -> None:
    code = [path for path in files if path.suffix == ".py" or path.name == "Makefile"]
    assert len(code) > 50
    lacking = [path for path in code if not (ROOT / path).read_text().startswith(SPDX)]
    assert lacking == []


def test_the_four_folders_are_linked_into_the_package() -> None:
    for name in SUBPACKAGES:
        link = ROOT / "xnorflow" / name
        assert link.is_symlink()
        assert link.readlink() == Path("..") / name
        assert (link / "__init__.py").exists()


def test_setup_maps_every_folder_with_code_to_a_package(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("setuptools.setup", given.update)
    runpy.run_path(str(ROOT / "setup.py"))
    folders = {Path(folder) for folder in given["package_dir"].values()}
    tops = ("xnorflow", *SUBPACKAGES)
    assert folders == {p.parent for p in files if p.parts[0] in tops and p.suffix == ".py"}


def test_every_other_file_of_a_package_goes_into_the_wheel(
    files: list[Path], project: dict[str, Any]
) -> None:
    patterns = project["tool"]["setuptools"]["package-data"]
    for path in files:
        if path.parts[0] not in SUBPACKAGES or path.suffix == ".py":
            continue
        if path.parts[:2] == ("bitstreams", "released"):  # of the repository, not of the package
            continue
        inside = path.relative_to(path.parts[0]).as_posix()
        own = patterns.get(f"xnorflow.{path.parts[0]}", [])
        assert any(fnmatch(inside, pattern) for pattern in own) or any(
            fnmatch(path.name, pattern) for pattern in patterns["*"]
        ), f"{path} is not in package-data"


def test_every_dependency_says_why_and_has_a_tested_version(project: dict[str, Any]) -> None:
    tested = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    extras = project["project"]["optional-dependencies"].values()
    for text in [*project["project"]["dependencies"], *(r for extra in extras for r in extra)]:
        assert Requirement(text).name.lower().replace("_", "-") in tested
        (line,) = {line for line in lines if line.strip().startswith(f'"{text}"')}
        assert re.search(r"#\s\w", line), f"{text} has no reason"


def test_every_constraint_is_one_version() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    for line in lines:
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line)
    assert "torch==2.13.0" in lines


def test_pre_commit_runs_what_make_lint_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    hooks = re.findall(r"entry: \.venv/bin/(\S+)", (ROOT / ".pre-commit-config.yaml").read_text())
    recipe = makefile.partition("\nlint:")[2].partition("\n\n")[0]
    assert sorted(hooks) == sorted(re.findall(r"\$\(BIN\)/(\S+)", recipe))


def test_ci_calls_the_command_that_the_readme_names() -> None:
    assert re.search(r"^make test ", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert "make test" in (ROOT / "README.md").read_text()


def links_of(page: Path) -> list[str]:
    """Relative targets of the links in a page of Markdown, without fragments."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(<?([^)\s>]+)>?\)", text)
    return [t.partition("#")[0] for t in targets if "://" not in t and not t.startswith("#")]


def test_links_between_pages_lead_somewhere(files: list[Path]) -> None:
    pages = [path for path in files if path.suffix == ".md"]
    assert len(pages) > 10
    broken = [
        f"{page}: {target}"
        for page in pages
        for target in links_of(ROOT / page)
        if target and not (ROOT / page.parent / target).exists()
    ]
    assert broken == []


def test_files_named_in_the_guides_exist() -> None:
    for page in ("CONTRIBUTING.md", "docs/architecture.md"):
        text = (ROOT / page).read_text()
        names = re.findall(r"`((?:[a-z]+/)+[a-z_]+\.py)`", text)
        assert [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_the_guides_name_every_package_of_the_layer_rules(
    page: str, project: dict[str, Any]
) -> None:
    text = (ROOT / page).read_text()
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (c["layers"] for c in contracts if c["type"] == "layers")
    for package in re.findall(r"xnorflow\.\w+", " ".join(layers)):
        assert f"`{package}`" in text
