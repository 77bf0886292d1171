// SPDX-License-Identifier: Apache-2.0
//
// The single-port RAM of iCE40 UltraPlus, without its power states: asleep it does nothing. After a
// write its output is unknown: here it is nonsense, which finds a design that looks at it. Yosys'
// own model cannot be synthesised in reasonable time, since it forgets all words at once when it is
// switched off.
//
// Reference: Lattice, "iCE40 SPRAM Usage Guide", FPGA-TN-02022.

module SB_SPRAM256KA (
    input [13:0] ADDRESS,
    input [15:0] DATAIN,
    input [3:0] MASKWREN,
    input WREN, CHIPSELECT, CLOCK, STANDBY, SLEEP, POWEROFF,
    output reg [15:0] DATAOUT
);
  reg [15:0] memory [0:16383];
  wire access = CHIPSELECT && !STANDBY && !SLEEP && POWEROFF;  // the last is active low

  always @(posedge CLOCK) begin
    if (access && WREN) begin
      if (MASKWREN[0]) memory[ADDRESS][3:0] <= DATAIN[3:0];
      if (MASKWREN[1]) memory[ADDRESS][7:4] <= DATAIN[7:4];
      if (MASKWREN[2]) memory[ADDRESS][11:8] <= DATAIN[11:8];
      if (MASKWREN[3]) memory[ADDRESS][15:12] <= DATAIN[15:12];
    end
    if (access) DATAOUT <= WREN ? ~DATAIN : memory[ADDRESS];
  end
endmodule
