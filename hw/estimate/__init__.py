# SPDX-License-Identifier: Apache-2.0
"""What a design will take, before it is built."""
