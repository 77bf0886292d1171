// SPDX-License-Identifier: Apache-2.0
//
// The PLL of Gowin as a wire: a simulation's clock is the one behind the PLL.

module rPLL #(
    parameter FCLKIN = "100.0",
    parameter DEVICE = "GW1N-1",
    parameter CLKFB_SEL = "internal",
    parameter DYN_IDIV_SEL = "false",
    parameter DYN_FBDIV_SEL = "false",
    parameter DYN_ODIV_SEL = "false",
    parameter DYN_DA_EN = "false",
    parameter DYN_SDIV_SEL = 2,
    parameter IDIV_SEL = 0,
    parameter FBDIV_SEL = 0,
    parameter ODIV_SEL = 8,
    parameter PSDA_SEL = "0000",
    parameter DUTYDA_SEL = "1000"
) (
    input CLKIN, CLKFB, RESET, RESET_P,
    input [5:0] FBDSEL, IDSEL, ODSEL,
    input [3:0] DUTYDA, PSDA, FDLY,
    output CLKOUT, CLKOUTP, CLKOUTD, CLKOUTD3, LOCK
);
  assign CLKOUT = CLKIN;
  assign {CLKOUTP, CLKOUTD, CLKOUTD3} = 0;
  assign LOCK = !RESET && !RESET_P;
endmodule
