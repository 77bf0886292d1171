# SPDX-License-Identifier: Apache-2.0
"""The settings of the tests, tested on small suites of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

SUITE = """
    import pytest

    def test_passes():
        pass

    @pytest.mark.skipif(True, reason="no tool")
    def test_skips():
        pass

    @pytest.mark.xfail
    def test_fails_as_expected():
        assert False
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    conftest = Path(__file__).with_name("conftest.py")
    pytester.makeconftest(conftest.read_text())
    pytester.makefile(".txt", allowed_skips="# none")
    pytester.makepyfile(SUITE)
    return pytester


def test_skips_are_fine_by_default(suite: pytest.Pytester) -> None:
    assert suite.runpytest_subprocess().ret == pytest.ExitCode.OK


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_skip_fails_the_run_where_skips_are_forbidden(
    suite: pytest.Pytester, workers: str
) -> None:
    result = suite.runpytest_subprocess("--forbid-skips", "-n", workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*skips that are not allowed*", "*::test_skips: Skipped: no tool"])
    result.stdout.no_fnmatch_line("*::test_fails_as_expected: *")


def test_a_module_that_skips_itself_fails_the_run_too(suite: pytest.Pytester) -> None:
    suite.makepyfile("import pytest\npytest.importorskip('no_such_module')")
    result = suite.runpytest_subprocess("--forbid-skips")
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*skips that are not allowed*", "*could not import*"])


def test_a_listed_skip_is_allowed(suite: pytest.Pytester) -> None:
    suite.makefile(".txt", allowed_skips="*::test_skips: the tool is not free: nowhere")
    assert suite.runpytest_subprocess("--forbid-skips", "-n", "0").ret == pytest.ExitCode.OK


def test_a_listed_skip_needs_a_reason(suite: pytest.Pytester) -> None:
    suite.makefile(".txt", allowed_skips="*::test_skips")
    result = suite.runpytest_subprocess("--forbid-skips", "-n", "0")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*every line must be `pattern: reason`"])


def test_golden_files_are_compared_and_written(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_text(check_golden):\n    check_golden('text.txt', 'one')")
    missing = suite.runpytest_subprocess("-n", "0")
    missing.stdout.fnmatch_lines(["*text.txt is missing*"])
    assert suite.runpytest_subprocess("-n", "0", "--update-golden").ret == pytest.ExitCode.OK
    assert suite.runpytest_subprocess("-n", "0").ret == pytest.ExitCode.OK
    suite.makepyfile("def test_text(check_golden):\n    check_golden('text.txt', 'two')")
    assert suite.runpytest_subprocess("-n", "0").ret == pytest.ExitCode.TESTS_FAILED
