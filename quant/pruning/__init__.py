# SPDX-License-Identifier: Apache-2.0
"""Pruning: weights that become 0, and neurons that disappear."""
