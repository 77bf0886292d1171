# SPDX-License-Identifier: Apache-2.0
"""Bitstreams turned back into designs and simulated, from the pins, against the reference."""
