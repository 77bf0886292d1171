# SPDX-License-Identifier: Apache-2.0
"""Networks from other tools, as integer networks."""
