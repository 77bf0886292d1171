// SPDX-License-Identifier: Apache-2.0
//
// Lookup tables of ECP5. Yosys' own models (ecp5/cells_sim.v) and ecp5_cells.v have the other
// cells.
module LUT4(output Z, input A, B, C, D);
  parameter [15:0] INIT = 0;
  \$lut #(.WIDTH(4), .LUT(INIT)) _TECHMAP_REPLACE_ (.A({D, C, B, A}), .Y(Z));
endmodule
