# SPDX-License-Identifier: Apache-2.0
"""Area, depth and clock of structures: what contenders take that compute the same function."""
