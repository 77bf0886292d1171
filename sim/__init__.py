# SPDX-License-Identifier: Apache-2.0
"""Engines that run a network, in software and as hardware, and their comparison."""
