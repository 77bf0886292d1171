# SPDX-License-Identifier: Apache-2.0
"""Boards, and bitstreams for them."""
