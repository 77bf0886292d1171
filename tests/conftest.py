# SPDX-License-Identifier: Apache-2.0
"""Settings of all tests: Hypothesis profiles, golden files, and the rule that CI skips nothing.

``--update-golden`` writes the golden files anew. ``--forbid-skips`` fails the run if a test
skipped for a reason that ``allowed_skips.txt`` does not list.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")

settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# Shells start jobs in the background with Ctrl-C ignored, and programs pass that on to those that
# they start: here to the ones that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("xnorflow")
    group.addoption("--update-golden", action="store_true", help="write the golden files anew")
    group.addoption(
        "--forbid-skips",
        action="store_true",
        help=f"fail if a test skips that {ALLOWED_SKIPS.name} does not list",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--forbid-skips") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipGuard(read_allowed(ALLOWED_SKIPS)), "skip-guard")


@pytest.fixture
def check_golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``check_golden(name, text)``: ``text`` must be that of ``golden/name`` beside the test."""
    folder = request.path.parent / "golden"

    def check(name: str, text: str) -> None:
        path = folder / name
        if request.config.getoption("--update-golden"):
            folder.mkdir(exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"{path} is missing: run pytest --update-golden and look at it"
        assert text == path.read_text(), f"differs from {path}"

    return check


def read_allowed(path: Path) -> list[str]:
    """Patterns of test ids, from lines ``pattern: reason``."""
    lines = (line.strip() for line in path.read_text().splitlines())
    rules = [line.partition(": ") for line in lines if line and not line.startswith("#")]
    for pattern, _, reason in rules:
        if not pattern or not reason:
            raise pytest.UsageError(f"{path}: every line must be `pattern: reason`")
    return [pattern for pattern, _, _ in rules]


class SkipGuard:
    """Counts skips that are not allowed and fails the run for them."""

    def __init__(self, allowed: list[str]) -> None:
        self.allowed = allowed
        self.forbidden: dict[str, str] = {}

    def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        expected_failure = hasattr(report, "wasxfail")
        if not report.skipped or expected_failure:
            return
        if not any(fnmatchcase(report.nodeid, pattern) for pattern in self.allowed):
            self.forbidden[report.nodeid] = skip_reason(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.note(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.forbidden and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.forbidden:
            terminalreporter.section("skips that are not allowed", red=True)
            for nodeid, reason in self.forbidden.items():
                terminalreporter.line(f"{nodeid}: {reason}")


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test skipped."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    return str(report.longrepr)
