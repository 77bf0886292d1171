# SPDX-License-Identifier: Apache-2.0
"""The command line as a whole: help, errors, exit codes, and what is imported when."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import click
import pytest

from xnorflow.cli import group, main
from xnorflow.cli.output import prints
from xnorflow.errors import ConfigError, MismatchError

HEAVY = {"torch", "amaranth", "numba", "numpy", "pydantic", "rich"}


@dataclass(frozen=True)
class Sum:
    terms: tuple[int, ...]
    equal: bool


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[click.Command], None]:
    """Makes a command known as ``xnorflow probe``."""

    def install(probe: click.Command) -> None:
        module = type(sys)("xnorflow.cli.probe")
        vars(module)["command"] = probe
        monkeypatch.setitem(sys.modules, "xnorflow.cli.probe", module)
        monkeypatch.setattr(group, "SUBCOMMANDS", {**group.SUBCOMMANDS, "probe": "Probe."})

    return install


def raising(error: BaseException) -> click.Command:
    @click.command()
    def probe() -> None:
        raise error

    return probe


def modules_after(statement: str) -> set[str]:
    """Modules that a fresh Python has loaded after ``statement``."""
    code = f"import sys\n{statement}\nprint(*sys.modules, file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stderr.split())


def test_help_lists_every_command_and_imports_none_of_them() -> None:
    loaded = modules_after("from xnorflow.cli import main\nmain(['--help'])")
    assert not loaded & HEAVY
    assert not {f"xnorflow.cli.{name}" for name in group.SUBCOMMANDS} & loaded


@pytest.mark.parametrize("name", group.SUBCOMMANDS)
def test_the_help_of_a_command_imports_no_heavy_package(name: str) -> None:
    assert not modules_after(f"from xnorflow.cli import main\nmain(['{name}', '--help'])") & HEAVY


@pytest.mark.parametrize("name", group.SUBCOMMANDS)
def test_the_table_of_commands_agrees_with_each_command(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command: click.Command = importlib.import_module(f"xnorflow.cli.{name}").command
    assert (command.help or "").splitlines()[0] == group.SUBCOMMANDS[name]
    assert "--json" in {option for param in command.params for option in param.opts}
    assert main(["--help"]) == 0
    assert f"  {name} " in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("xnorflow 0.")


def test_without_a_command_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["trian"], "unknown command 'trian'; did you mean 'train'? (known: train, "),
        (["zzz"], "unknown command 'zzz' (known: train, "),
        (["datasets", "more"], "got unexpected extra argument (more) (see `xnorflow datasets --h"),
        (["datasets", "--jsn"], "no such option '--jsn'"),
    ],
)
def test_a_usage_error_is_one_line(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.replace(":", "", 0).startswith(f"error: {expected}")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "expected"),
    [
        (ConfigError("epochs must be 1 or more"), 2, "error: epochs must be 1 or more\n"),
        (ConfigError("one\ntwo"), 2, "error: one\nerror: two\n"),
        (MismatchError("layer 'fc1'"), 1, "error: layer 'fc1'\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_errors_become_lines_and_exit_codes(
    error: BaseException,
    code: int,
    expected: str,
    command: Callable[[click.Command], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command(raising(error))
    assert main(["probe"]) == code
    assert capsys.readouterr().err.lstrip("\n") == expected


def test_verbose_shows_where_an_error_arose(
    command: Callable[[click.Command], None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(raising(ConfigError("wrong")))
    assert main(["-v", "probe"]) == 2
    captured = capsys.readouterr().err
    assert captured.startswith("Traceback")
    assert captured.endswith("\nerror: wrong\n")


def test_a_bug_shows_its_traceback(command: Callable[[click.Command], None]) -> None:
    command(raising(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError, match=r"^a bug$"):
        main(["probe"])


@pytest.mark.parametrize("equal", [True, False])
def test_json_is_all_that_is_on_stdout(
    equal: bool,
    command: Callable[[click.Command], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    @click.command()
    @prints(lambda result: f"terms {result.terms}", passed=lambda result: result.equal)
    def probe() -> Sum:
        print("a library talks")
        return Sum((1, 2), equal)

    command(probe)
    code = 0 if equal else 1
    assert main(["probe", "--json"]) == code
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"terms": [1, 2], "equal": equal}
    assert captured.err == "a library talks\n"
    assert main(["probe"]) == code
    assert capsys.readouterr().out == "terms (1, 2)\n"


def test_a_reader_that_has_gone_is_no_error() -> None:
    script = f"{sys.executable} -c 'import xnorflow.cli as c; raise SystemExit(c.main())' --help"
    run = subprocess.run(
        ["sh", "-c", f"{script} | true"], capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
