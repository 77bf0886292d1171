# SPDX-License-Identifier: Apache-2.0
"""Training, compression, and the way from a PyTorch network to exact integers."""
