# SPDX-License-Identifier: Apache-2.0
"""From Verilog to devices: what a design takes on an FPGA family, by open tools."""
