# SPDX-License-Identifier: Apache-2.0
"""Many small networks trained, built and compared: accuracy against cost."""
