# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: ``python -m benchmarks``, or ``make bench``."""
