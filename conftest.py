# SPDX-License-Identifier: Apache-2.0
"""Fixtures that all tests share: ``tests/lab.py``, found by ``pythonpath`` in pyproject.toml."""

pytest_plugins = ["lab"]
