# SPDX-License-Identifier: Apache-2.0
"""PyTorch networks that recipes describe."""
