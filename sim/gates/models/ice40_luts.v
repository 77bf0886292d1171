// SPDX-License-Identifier: Apache-2.0
//
// Cells of iCE40 as gates. Yosys' own models (ice40/cells_sim.v) say what the other cells do.
module SB_LUT4(output O, input I0, I1, I2, I3);
  parameter [15:0] LUT_INIT = 0;
  \$lut #(.WIDTH(4), .LUT(LUT_INIT)) _TECHMAP_REPLACE_ (.A({I3, I2, I1, I0}), .Y(O));
endmodule
