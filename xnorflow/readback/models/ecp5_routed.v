// SPDX-License-Identifier: Apache-2.0
//
// Cells of ECP5 as nextpnr writes them after place and route. PLLs are wires: a simulation's clock is
// the one behind the PLL.
//
// Reference: Lattice, "ECP5 and ECP5-5G Family Data Sheet", FPGA-DS-02012, section 2.2, and the way
// in which Yosys describes LUT4, CCU2C, TRELLIS_DPR16X4 and TRELLIS_FF (lattice/common_sim.vh).

module TRELLIS_COMB #(
    parameter MODE = "LOGIC",
    parameter [15:0] INITVAL = 0,
    parameter CCU2_INJECT1 = "NO",
    parameter WREMUX = "WRE",
    parameter WCKMUX = "WCK",
    parameter IS_Z1 = 0
) (
    input A, B, C, D, M, FCI, F1, FXA, FXB, DI0, DI1, WD, WAD0, WAD1, WAD2, WAD3, WRE, WCK,
    output F, FCO, OFX
);
  wire [3:0] place = {D, C, B, A};
  wire table_out;
  \$lut #(.WIDTH(4), .LUT(INITVAL)) lookup (.A(place), .Y(table_out));
  generate
    if (MODE == "CCU2") begin
      // The carry that goes on is the one that came where the table says 1, else its lower half.
      wire [1:0] low = place[1:0];
      wire injected = CCU2_INJECT1 == "YES";
      assign F = table_out ^ (FCI & !injected);
      assign FCO = table_out ? FCI : INITVAL[low] & !injected;
      assign OFX = 0;
    end else if (MODE == "DPRAM") begin
      reg [15:0] stored = INITVAL;
      wire written = WREMUX == "INV" ? !WRE : WRE;
      wire clock = WCKMUX == "INV" ? !WCK : WCK;
      always @(posedge clock) if (written) stored[{WAD3, WAD2, WAD1, WAD0}] <= WD;
      assign F = stored[{A, C, B, D}];
      assign FCO = 0;
      assign OFX = 0;
    end else if (MODE == "LOGIC") begin
      assign F = table_out;
      assign FCO = 0;
      assign OFX = IS_Z1 ? (M ? FXB : FXA) : (M ? F1 : F);
    end else if (MODE == "RAMW_BLOCK") begin
      // Its place holds the write port of the RAM beside it.
      assign {F, FCO, OFX} = 0;
    end else
      (* keep *) TRELLIS_COMB_of_another_mode unknown ();
  endgenerate
endmodule

module TRELLIS_RAMW (
    input A0, B0, C0, D0, A1, B1, C1, D1,
    output WDO0, WDO1, WDO2, WDO3, WADO0, WADO1, WADO2, WADO3
);
  assign {WADO3, WADO2, WADO1, WADO0} = {A0, C0, B0, D0};
  assign {WDO3, WDO2, WDO1, WDO0} = {B1, D1, A1, C1};
endmodule

module TRELLIS_FF #(
    parameter GSR = "ENABLED",
    parameter CEMUX = "1",
    parameter CLKMUX = "CLK",
    parameter LSRMUX = "LSR",
    parameter SRMODE = "LSR_OVER_CE",
    parameter REGSET = "RESET",
    parameter SD = "0"
) (
    input CLK, LSR, CE, DI, M,
    output reg Q
);
  localparam VALUE = REGSET == "SET";
  wire clock = CLKMUX == "INV" ? !CLK : CLK;
  wire reset = LSRMUX == "INV" ? !LSR : LSR;
  wire enable = CEMUX == "1" ? 1'b1 : CEMUX == "INV" ? !CE : CE;
  wire next = SD == "1" ? DI : M;
  initial Q = VALUE;
  generate
    if (SRMODE == "LSR_OVER_CE") begin
      always @(posedge clock)
        if (reset) Q <= VALUE;
        else if (enable) Q <= next;
    end else
      (* keep *) TRELLIS_FF_of_another_mode unknown ();
  endgenerate
endmodule

module TRELLIS_IO #(
    parameter DIR = "INPUT"
) (
    inout B,
    input I, T, IOLDO, IOLTO,
    output O
);
  generate
    if (DIR == "INPUT") assign O = B;
    else if (DIR == "OUTPUT") assign B = I;
    else (* keep *) TRELLIS_IO_of_another_direction unknown ();
  endgenerate
endmodule

module DCCA (
    input CLKI, CE,
    output CLKO
);
  assign CLKO = CLKI;
endmodule

module EHXPLLL (
    input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
    input PLLWAKESYNC, ENCLKOP, ENCLKOS,
    output CLKOP, CLKOS, LOCK
);
  assign CLKOP = CLKI;
  assign CLKOS = CLKI;
  assign LOCK = !RST;
endmodule
