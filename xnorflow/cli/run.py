# SPDX-License-Identifier: Apache-2.0
"""Running a command: errors become lines on stderr and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from xnorflow.cli.group import root
from xnorflow.errors import XnorflowError

__all__ = ["main"]

USER_ERROR = 2
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code.

    Parameters
    ----------
    arguments
        Without the program's name; by default those of the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = root.main(given, prog_name="xnorflow", standalone_mode=False)
        sys.stdout.flush()
    except XnorflowError as error:
        return report(str(error), error.exit_code, given)
    except click.UsageError as error:
        return report(usage_text(error), USER_ERROR, given)
    except click.ClickException as error:
        return report(error.format_message(), USER_ERROR, given)
    except (click.Abort, KeyboardInterrupt):
        return report("interrupted", INTERRUPTED, [], prefix="")
    except BrokenPipeError:
        return forget_stdout()
    return code if isinstance(code, int) else 0


def report(message: str, code: int, arguments: Sequence[str], prefix: str = "error: ") -> int:
    """Print each line of ``message`` on stderr, after the traceback if it was asked for."""
    if is_verbose(arguments):
        traceback.print_exc()
    for line in message.splitlines():
        print(f"{prefix}{line}", file=sys.stderr)
    return code


def is_verbose(arguments: Sequence[str]) -> bool:
    """Whether ``-v`` stands before the command."""
    options = []
    for argument in arguments:
        if not argument.startswith("-"):
            break
        options.append(argument)
    return "-v" in options or "--verbose" in options


def usage_text(error: click.UsageError) -> str:
    """The usage error as one line with the command that tells more."""
    text = " ".join(error.format_message().split()).rstrip(".")
    path = error.ctx.command_path if error.ctx is not None else "xnorflow"
    return f"{text[:1].lower()}{text[1:]} (see `{path} --help`)"


def forget_stdout() -> int:
    """Let Python end quietly after the reader of a pipe has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
