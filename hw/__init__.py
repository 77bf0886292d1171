# SPDX-License-Identifier: Apache-2.0
"""The generator: from the integer network to dataflow graph, hardware layers and Verilog."""
