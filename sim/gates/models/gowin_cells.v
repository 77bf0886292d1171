// SPDX-License-Identifier: Apache-2.0
//
// Block RAM of Gowin, of which Yosys has no model.
//
// Reference: Gowin, "BSRAM & SSRAM User Guide", UG285, and the way in which Yosys maps memories to
// it (gowin/brams_map.v).

module SP #(
    parameter READ_MODE = 0,
    parameter WRITE_MODE = 0,
    parameter BIT_WIDTH = 32,
    parameter BLK_SEL = 3'b000,
    parameter RESET_MODE = "SYNC",
    parameter [255:0] INIT_RAM_00 = 0,
    parameter [255:0] INIT_RAM_01 = 0,
    parameter [255:0] INIT_RAM_02 = 0,
    parameter [255:0] INIT_RAM_03 = 0,
    parameter [255:0] INIT_RAM_04 = 0,
    parameter [255:0] INIT_RAM_05 = 0,
    parameter [255:0] INIT_RAM_06 = 0,
    parameter [255:0] INIT_RAM_07 = 0,
    parameter [255:0] INIT_RAM_08 = 0,
    parameter [255:0] INIT_RAM_09 = 0,
    parameter [255:0] INIT_RAM_0A = 0,
    parameter [255:0] INIT_RAM_0B = 0,
    parameter [255:0] INIT_RAM_0C = 0,
    parameter [255:0] INIT_RAM_0D = 0,
    parameter [255:0] INIT_RAM_0E = 0,
    parameter [255:0] INIT_RAM_0F = 0,
    parameter [255:0] INIT_RAM_10 = 0,
    parameter [255:0] INIT_RAM_11 = 0,
    parameter [255:0] INIT_RAM_12 = 0,
    parameter [255:0] INIT_RAM_13 = 0,
    parameter [255:0] INIT_RAM_14 = 0,
    parameter [255:0] INIT_RAM_15 = 0,
    parameter [255:0] INIT_RAM_16 = 0,
    parameter [255:0] INIT_RAM_17 = 0,
    parameter [255:0] INIT_RAM_18 = 0,
    parameter [255:0] INIT_RAM_19 = 0,
    parameter [255:0] INIT_RAM_1A = 0,
    parameter [255:0] INIT_RAM_1B = 0,
    parameter [255:0] INIT_RAM_1C = 0,
    parameter [255:0] INIT_RAM_1D = 0,
    parameter [255:0] INIT_RAM_1E = 0,
    parameter [255:0] INIT_RAM_1F = 0,
    parameter [255:0] INIT_RAM_20 = 0,
    parameter [255:0] INIT_RAM_21 = 0,
    parameter [255:0] INIT_RAM_22 = 0,
    parameter [255:0] INIT_RAM_23 = 0,
    parameter [255:0] INIT_RAM_24 = 0,
    parameter [255:0] INIT_RAM_25 = 0,
    parameter [255:0] INIT_RAM_26 = 0,
    parameter [255:0] INIT_RAM_27 = 0,
    parameter [255:0] INIT_RAM_28 = 0,
    parameter [255:0] INIT_RAM_29 = 0,
    parameter [255:0] INIT_RAM_2A = 0,
    parameter [255:0] INIT_RAM_2B = 0,
    parameter [255:0] INIT_RAM_2C = 0,
    parameter [255:0] INIT_RAM_2D = 0,
    parameter [255:0] INIT_RAM_2E = 0,
    parameter [255:0] INIT_RAM_2F = 0,
    parameter [255:0] INIT_RAM_30 = 0,
    parameter [255:0] INIT_RAM_31 = 0,
    parameter [255:0] INIT_RAM_32 = 0,
    parameter [255:0] INIT_RAM_33 = 0,
    parameter [255:0] INIT_RAM_34 = 0,
    parameter [255:0] INIT_RAM_35 = 0,
    parameter [255:0] INIT_RAM_36 = 0,
    parameter [255:0] INIT_RAM_37 = 0,
    parameter [255:0] INIT_RAM_38 = 0,
    parameter [255:0] INIT_RAM_39 = 0,
    parameter [255:0] INIT_RAM_3A = 0,
    parameter [255:0] INIT_RAM_3B = 0,
    parameter [255:0] INIT_RAM_3C = 0,
    parameter [255:0] INIT_RAM_3D = 0,
    parameter [255:0] INIT_RAM_3E = 0,
    parameter [255:0] INIT_RAM_3F = 0
) (
    input CLK, CE, OCE, WRE, RESET,
    input [2:0] BLKSEL,
    input [13:0] AD,
    input [31:0] DI,
    output [31:0] DO
);
  generate
    if (READ_MODE) (* keep *) SP_with_output_registers unknown ();
  endgenerate
  localparam [16383:0] INITS = {INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B,
        INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
        INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31,
        INIT_RAM_30,
        INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29,
        INIT_RAM_28,
        INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21,
        INIT_RAM_20,
        INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19,
        INIT_RAM_18,
        INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11,
        INIT_RAM_10,
        INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09,
        INIT_RAM_08,
        INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01,
        INIT_RAM_00};
  wire enabled = CE && BLKSEL == BLK_SEL;
  wire [3:0] write = {4{enabled && WRE}}
                     & (BIT_WIDTH == 32 ? AD[3:0] : BIT_WIDTH == 16 ? {2'd0, AD[1:0]} : 4'd1);
  wire [71:0] out;
  assign DO = out;

  xnorflow_ram #(
      .BYTE(8), .ASYNCHRONOUS(RESET_MODE == "ASYNC"),
      .A_WRITE_WIDTH(BIT_WIDTH), .A_READ_WIDTH(BIT_WIDTH), .A_MODE(WRITE_MODE),
      .B_WRITE_WIDTH(0), .B_READ_WIDTH(0),
      .INIT(INITS)
  ) ram (
      .a_clk(CLK), .a_read(enabled), .a_reset(RESET), .a_write({4'd0, write}), .a_address(AD),
      .a_in(DI), .a_out(out),
      .b_clk(CLK), .b_read(1'b0), .b_reset(1'b0), .b_write(8'd0), .b_address(14'd0), .b_in(72'd0)
  );
endmodule

module SPX9 #(
    parameter READ_MODE = 0,
    parameter WRITE_MODE = 0,
    parameter BIT_WIDTH = 36,
    parameter BLK_SEL = 3'b000,
    parameter RESET_MODE = "SYNC",
    parameter [287:0] INIT_RAM_00 = 0,
    parameter [287:0] INIT_RAM_01 = 0,
    parameter [287:0] INIT_RAM_02 = 0,
    parameter [287:0] INIT_RAM_03 = 0,
    parameter [287:0] INIT_RAM_04 = 0,
    parameter [287:0] INIT_RAM_05 = 0,
    parameter [287:0] INIT_RAM_06 = 0,
    parameter [287:0] INIT_RAM_07 = 0,
    parameter [287:0] INIT_RAM_08 = 0,
    parameter [287:0] INIT_RAM_09 = 0,
    parameter [287:0] INIT_RAM_0A = 0,
    parameter [287:0] INIT_RAM_0B = 0,
    parameter [287:0] INIT_RAM_0C = 0,
    parameter [287:0] INIT_RAM_0D = 0,
    parameter [287:0] INIT_RAM_0E = 0,
    parameter [287:0] INIT_RAM_0F = 0,
    parameter [287:0] INIT_RAM_10 = 0,
    parameter [287:0] INIT_RAM_11 = 0,
    parameter [287:0] INIT_RAM_12 = 0,
    parameter [287:0] INIT_RAM_13 = 0,
    parameter [287:0] INIT_RAM_14 = 0,
    parameter [287:0] INIT_RAM_15 = 0,
    parameter [287:0] INIT_RAM_16 = 0,
    parameter [287:0] INIT_RAM_17 = 0,
    parameter [287:0] INIT_RAM_18 = 0,
    parameter [287:0] INIT_RAM_19 = 0,
    parameter [287:0] INIT_RAM_1A = 0,
    parameter [287:0] INIT_RAM_1B = 0,
    parameter [287:0] INIT_RAM_1C = 0,
    parameter [287:0] INIT_RAM_1D = 0,
    parameter [287:0] INIT_RAM_1E = 0,
    parameter [287:0] INIT_RAM_1F = 0,
    parameter [287:0] INIT_RAM_20 = 0,
    parameter [287:0] INIT_RAM_21 = 0,
    parameter [287:0] INIT_RAM_22 = 0,
    parameter [287:0] INIT_RAM_23 = 0,
    parameter [287:0] INIT_RAM_24 = 0,
    parameter [287:0] INIT_RAM_25 = 0,
    parameter [287:0] INIT_RAM_26 = 0,
    parameter [287:0] INIT_RAM_27 = 0,
    parameter [287:0] INIT_RAM_28 = 0,
    parameter [287:0] INIT_RAM_29 = 0,
    parameter [287:0] INIT_RAM_2A = 0,
    parameter [287:0] INIT_RAM_2B = 0,
    parameter [287:0] INIT_RAM_2C = 0,
    parameter [287:0] INIT_RAM_2D = 0,
    parameter [287:0] INIT_RAM_2E = 0,
    parameter [287:0] INIT_RAM_2F = 0,
    parameter [287:0] INIT_RAM_30 = 0,
    parameter [287:0] INIT_RAM_31 = 0,
    parameter [287:0] INIT_RAM_32 = 0,
    parameter [287:0] INIT_RAM_33 = 0,
    parameter [287:0] INIT_RAM_34 = 0,
    parameter [287:0] INIT_RAM_35 = 0,
    parameter [287:0] INIT_RAM_36 = 0,
    parameter [287:0] INIT_RAM_37 = 0,
    parameter [287:0] INIT_RAM_38 = 0,
    parameter [287:0] INIT_RAM_39 = 0,
    parameter [287:0] INIT_RAM_3A = 0,
    parameter [287:0] INIT_RAM_3B = 0,
    parameter [287:0] INIT_RAM_3C = 0,
    parameter [287:0] INIT_RAM_3D = 0,
    parameter [287:0] INIT_RAM_3E = 0,
    parameter [287:0] INIT_RAM_3F = 0
) (
    input CLK, CE, OCE, WRE, RESET,
    input [2:0] BLKSEL,
    input [13:0] AD,
    input [35:0] DI,
    output [35:0] DO
);
  generate
    if (READ_MODE) (* keep *) SPX9_with_output_registers unknown ();
  endgenerate
  localparam [18431:0] INITS = {INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B,
        INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
        INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31,
        INIT_RAM_30,
        INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29,
        INIT_RAM_28,
        INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21,
        INIT_RAM_20,
        INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19,
        INIT_RAM_18,
        INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11,
        INIT_RAM_10,
        INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09,
        INIT_RAM_08,
        INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01,
        INIT_RAM_00};
  wire enabled = CE && BLKSEL == BLK_SEL;
  wire [3:0] write = {4{enabled && WRE}}
                     & (BIT_WIDTH == 36 ? AD[3:0] : BIT_WIDTH == 18 ? {2'd0, AD[1:0]} : 4'd1);
  wire [71:0] out;
  assign DO = out;

  xnorflow_ram #(
      .BYTE(9), .ASYNCHRONOUS(RESET_MODE == "ASYNC"),
      .A_WRITE_WIDTH(BIT_WIDTH), .A_READ_WIDTH(BIT_WIDTH), .A_MODE(WRITE_MODE),
      .B_WRITE_WIDTH(0), .B_READ_WIDTH(0),
      .INIT(INITS)
  ) ram (
      .a_clk(CLK), .a_read(enabled), .a_reset(RESET), .a_write({4'd0, write}), .a_address(AD),
      .a_in(DI), .a_out(out),
      .b_clk(CLK), .b_read(1'b0), .b_reset(1'b0), .b_write(8'd0), .b_address(14'd0), .b_in(72'd0)
  );
endmodule

module SDPB #(
    parameter READ_MODE = 0,
    parameter BIT_WIDTH_0 = 32,
    parameter BIT_WIDTH_1 = 32,
    parameter BLK_SEL_0 = 3'b000,
    parameter BLK_SEL_1 = 3'b000,
    parameter RESET_MODE = "SYNC",
    parameter [255:0] INIT_RAM_00 = 0,
    parameter [255:0] INIT_RAM_01 = 0,
    parameter [255:0] INIT_RAM_02 = 0,
    parameter [255:0] INIT_RAM_03 = 0,
    parameter [255:0] INIT_RAM_04 = 0,
    parameter [255:0] INIT_RAM_05 = 0,
    parameter [255:0] INIT_RAM_06 = 0,
    parameter [255:0] INIT_RAM_07 = 0,
    parameter [255:0] INIT_RAM_08 = 0,
    parameter [255:0] INIT_RAM_09 = 0,
    parameter [255:0] INIT_RAM_0A = 0,
    parameter [255:0] INIT_RAM_0B = 0,
    parameter [255:0] INIT_RAM_0C = 0,
    parameter [255:0] INIT_RAM_0D = 0,
    parameter [255:0] INIT_RAM_0E = 0,
    parameter [255:0] INIT_RAM_0F = 0,
    parameter [255:0] INIT_RAM_10 = 0,
    parameter [255:0] INIT_RAM_11 = 0,
    parameter [255:0] INIT_RAM_12 = 0,
    parameter [255:0] INIT_RAM_13 = 0,
    parameter [255:0] INIT_RAM_14 = 0,
    parameter [255:0] INIT_RAM_15 = 0,
    parameter [255:0] INIT_RAM_16 = 0,
    parameter [255:0] INIT_RAM_17 = 0,
    parameter [255:0] INIT_RAM_18 = 0,
    parameter [255:0] INIT_RAM_19 = 0,
    parameter [255:0] INIT_RAM_1A = 0,
    parameter [255:0] INIT_RAM_1B = 0,
    parameter [255:0] INIT_RAM_1C = 0,
    parameter [255:0] INIT_RAM_1D = 0,
    parameter [255:0] INIT_RAM_1E = 0,
    parameter [255:0] INIT_RAM_1F = 0,
    parameter [255:0] INIT_RAM_20 = 0,
    parameter [255:0] INIT_RAM_21 = 0,
    parameter [255:0] INIT_RAM_22 = 0,
    parameter [255:0] INIT_RAM_23 = 0,
    parameter [255:0] INIT_RAM_24 = 0,
    parameter [255:0] INIT_RAM_25 = 0,
    parameter [255:0] INIT_RAM_26 = 0,
    parameter [255:0] INIT_RAM_27 = 0,
    parameter [255:0] INIT_RAM_28 = 0,
    parameter [255:0] INIT_RAM_29 = 0,
    parameter [255:0] INIT_RAM_2A = 0,
    parameter [255:0] INIT_RAM_2B = 0,
    parameter [255:0] INIT_RAM_2C = 0,
    parameter [255:0] INIT_RAM_2D = 0,
    parameter [255:0] INIT_RAM_2E = 0,
    parameter [255:0] INIT_RAM_2F = 0,
    parameter [255:0] INIT_RAM_30 = 0,
    parameter [255:0] INIT_RAM_31 = 0,
    parameter [255:0] INIT_RAM_32 = 0,
    parameter [255:0] INIT_RAM_33 = 0,
    parameter [255:0] INIT_RAM_34 = 0,
    parameter [255:0] INIT_RAM_35 = 0,
    parameter [255:0] INIT_RAM_36 = 0,
    parameter [255:0] INIT_RAM_37 = 0,
    parameter [255:0] INIT_RAM_38 = 0,
    parameter [255:0] INIT_RAM_39 = 0,
    parameter [255:0] INIT_RAM_3A = 0,
    parameter [255:0] INIT_RAM_3B = 0,
    parameter [255:0] INIT_RAM_3C = 0,
    parameter [255:0] INIT_RAM_3D = 0,
    parameter [255:0] INIT_RAM_3E = 0,
    parameter [255:0] INIT_RAM_3F = 0
) (
    input CLKA, CEA, CLKB, CEB, OCE, RESETA, RESETB,
    input [2:0] BLKSELA, BLKSELB,
    input [13:0] ADA, ADB,
    input [31:0] DI,
    output [31:0] DO
);
  generate
    if (READ_MODE) (* keep *) SDPB_with_output_registers unknown ();
  endgenerate
  localparam [16383:0] INITS = {INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B,
        INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
        INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31,
        INIT_RAM_30,
        INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29,
        INIT_RAM_28,
        INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21,
        INIT_RAM_20,
        INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19,
        INIT_RAM_18,
        INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11,
        INIT_RAM_10,
        INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09,
        INIT_RAM_08,
        INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01,
        INIT_RAM_00};
  wire [3:0] write = {4{CEA && BLKSELA == BLK_SEL_0}}
                     & (BIT_WIDTH_0 == 32 ? ADA[3:0] : BIT_WIDTH_0 == 16 ? {2'd0, ADA[1:0]} : 4'd1);
  wire [71:0] out;
  assign DO = out;

  xnorflow_ram #(
      .BYTE(8), .ASYNCHRONOUS(RESET_MODE == "ASYNC"),
      .A_WRITE_WIDTH(BIT_WIDTH_0), .A_READ_WIDTH(0),
      .B_WRITE_WIDTH(0), .B_READ_WIDTH(BIT_WIDTH_1),
      .INIT(INITS)
  ) ram (
      .a_clk(CLKA), .a_read(1'b0), .a_reset(1'b0), .a_write({4'd0, write}), .a_address(ADA),
      .a_in(DI),
      .b_clk(CLKB), .b_read(CEB && BLKSELB == BLK_SEL_1), .b_reset(RESETB), .b_write(8'd0),
      .b_address(ADB), .b_in(72'd0), .b_out(out)
  );
endmodule

module SDPX9B #(
    parameter READ_MODE = 0,
    parameter BIT_WIDTH_0 = 36,
    parameter BIT_WIDTH_1 = 36,
    parameter BLK_SEL_0 = 3'b000,
    parameter BLK_SEL_1 = 3'b000,
    parameter RESET_MODE = "SYNC",
    parameter [287:0] INIT_RAM_00 = 0,
    parameter [287:0] INIT_RAM_01 = 0,
    parameter [287:0] INIT_RAM_02 = 0,
    parameter [287:0] INIT_RAM_03 = 0,
    parameter [287:0] INIT_RAM_04 = 0,
    parameter [287:0] INIT_RAM_05 = 0,
    parameter [287:0] INIT_RAM_06 = 0,
    parameter [287:0] INIT_RAM_07 = 0,
    parameter [287:0] INIT_RAM_08 = 0,
    parameter [287:0] INIT_RAM_09 = 0,
    parameter [287:0] INIT_RAM_0A = 0,
    parameter [287:0] INIT_RAM_0B = 0,
    parameter [287:0] INIT_RAM_0C = 0,
    parameter [287:0] INIT_RAM_0D = 0,
    parameter [287:0] INIT_RAM_0E = 0,
    parameter [287:0] INIT_RAM_0F = 0,
    parameter [287:0] INIT_RAM_10 = 0,
    parameter [287:0] INIT_RAM_11 = 0,
    parameter [287:0] INIT_RAM_12 = 0,
    parameter [287:0] INIT_RAM_13 = 0,
    parameter [287:0] INIT_RAM_14 = 0,
    parameter [287:0] INIT_RAM_15 = 0,
    parameter [287:0] INIT_RAM_16 = 0,
    parameter [287:0] INIT_RAM_17 = 0,
    parameter [287:0] INIT_RAM_18 = 0,
    parameter [287:0] INIT_RAM_19 = 0,
    parameter [287:0] INIT_RAM_1A = 0,
    parameter [287:0] INIT_RAM_1B = 0,
    parameter [287:0] INIT_RAM_1C = 0,
    parameter [287:0] INIT_RAM_1D = 0,
    parameter [287:0] INIT_RAM_1E = 0,
    parameter [287:0] INIT_RAM_1F = 0,
    parameter [287:0] INIT_RAM_20 = 0,
    parameter [287:0] INIT_RAM_21 = 0,
    parameter [287:0] INIT_RAM_22 = 0,
    parameter [287:0] INIT_RAM_23 = 0,
    parameter [287:0] INIT_RAM_24 = 0,
    parameter [287:0] INIT_RAM_25 = 0,
    parameter [287:0] INIT_RAM_26 = 0,
    parameter [287:0] INIT_RAM_27 = 0,
    parameter [287:0] INIT_RAM_28 = 0,
    parameter [287:0] INIT_RAM_29 = 0,
    parameter [287:0] INIT_RAM_2A = 0,
    parameter [287:0] INIT_RAM_2B = 0,
    parameter [287:0] INIT_RAM_2C = 0,
    parameter [287:0] INIT_RAM_2D = 0,
    parameter [287:0] INIT_RAM_2E = 0,
    parameter [287:0] INIT_RAM_2F = 0,
    parameter [287:0] INIT_RAM_30 = 0,
    parameter [287:0] INIT_RAM_31 = 0,
    parameter [287:0] INIT_RAM_32 = 0,
    parameter [287:0] INIT_RAM_33 = 0,
    parameter [287:0] INIT_RAM_34 = 0,
    parameter [287:0] INIT_RAM_35 = 0,
    parameter [287:0] INIT_RAM_36 = 0,
    parameter [287:0] INIT_RAM_37 = 0,
    parameter [287:0] INIT_RAM_38 = 0,
    parameter [287:0] INIT_RAM_39 = 0,
    parameter [287:0] INIT_RAM_3A = 0,
    parameter [287:0] INIT_RAM_3B = 0,
    parameter [287:0] INIT_RAM_3C = 0,
    parameter [287:0] INIT_RAM_3D = 0,
    parameter [287:0] INIT_RAM_3E = 0,
    parameter [287:0] INIT_RAM_3F = 0
) (
    input CLKA, CEA, CLKB, CEB, OCE, RESETA, RESETB,
    input [2:0] BLKSELA, BLKSELB,
    input [13:0] ADA, ADB,
    input [35:0] DI,
    output [35:0] DO
);
  generate
    if (READ_MODE) (* keep *) SDPX9B_with_output_registers unknown ();
  endgenerate
  localparam [18431:0] INITS = {INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B,
        INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
        INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31,
        INIT_RAM_30,
        INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29,
        INIT_RAM_28,
        INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21,
        INIT_RAM_20,
        INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19,
        INIT_RAM_18,
        INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11,
        INIT_RAM_10,
        INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09,
        INIT_RAM_08,
        INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01,
        INIT_RAM_00};
  wire [3:0] write = {4{CEA && BLKSELA == BLK_SEL_0}}
                     & (BIT_WIDTH_0 == 36 ? ADA[3:0] : BIT_WIDTH_0 == 18 ? {2'd0, ADA[1:0]} : 4'd1);
  wire [71:0] out;
  assign DO = out;

  xnorflow_ram #(
      .BYTE(9), .ASYNCHRONOUS(RESET_MODE == "ASYNC"),
      .A_WRITE_WIDTH(BIT_WIDTH_0), .A_READ_WIDTH(0),
      .B_WRITE_WIDTH(0), .B_READ_WIDTH(BIT_WIDTH_1),
      .INIT(INITS)
  ) ram (
      .a_clk(CLKA), .a_read(1'b0), .a_reset(1'b0), .a_write({4'd0, write}), .a_address(ADA),
      .a_in(DI),
      .b_clk(CLKB), .b_read(CEB && BLKSELB == BLK_SEL_1), .b_reset(RESETB), .b_write(8'd0),
      .b_address(ADB), .b_in(72'd0), .b_out(out)
  );
endmodule

module DPB #(
    parameter READ_MODE0 = 0,
    parameter READ_MODE1 = 0,
    parameter WRITE_MODE0 = 0,
    parameter WRITE_MODE1 = 0,
    parameter BIT_WIDTH_0 = 16,
    parameter BIT_WIDTH_1 = 16,
    parameter BLK_SEL_0 = 3'b000,
    parameter BLK_SEL_1 = 3'b000,
    parameter RESET_MODE = "SYNC",
    parameter [255:0] INIT_RAM_00 = 0,
    parameter [255:0] INIT_RAM_01 = 0,
    parameter [255:0] INIT_RAM_02 = 0,
    parameter [255:0] INIT_RAM_03 = 0,
    parameter [255:0] INIT_RAM_04 = 0,
    parameter [255:0] INIT_RAM_05 = 0,
    parameter [255:0] INIT_RAM_06 = 0,
    parameter [255:0] INIT_RAM_07 = 0,
    parameter [255:0] INIT_RAM_08 = 0,
    parameter [255:0] INIT_RAM_09 = 0,
    parameter [255:0] INIT_RAM_0A = 0,
    parameter [255:0] INIT_RAM_0B = 0,
    parameter [255:0] INIT_RAM_0C = 0,
    parameter [255:0] INIT_RAM_0D = 0,
    parameter [255:0] INIT_RAM_0E = 0,
    parameter [255:0] INIT_RAM_0F = 0,
    parameter [255:0] INIT_RAM_10 = 0,
    parameter [255:0] INIT_RAM_11 = 0,
    parameter [255:0] INIT_RAM_12 = 0,
    parameter [255:0] INIT_RAM_13 = 0,
    parameter [255:0] INIT_RAM_14 = 0,
    parameter [255:0] INIT_RAM_15 = 0,
    parameter [255:0] INIT_RAM_16 = 0,
    parameter [255:0] INIT_RAM_17 = 0,
    parameter [255:0] INIT_RAM_18 = 0,
    parameter [255:0] INIT_RAM_19 = 0,
    parameter [255:0] INIT_RAM_1A = 0,
    parameter [255:0] INIT_RAM_1B = 0,
    parameter [255:0] INIT_RAM_1C = 0,
    parameter [255:0] INIT_RAM_1D = 0,
    parameter [255:0] INIT_RAM_1E = 0,
    parameter [255:0] INIT_RAM_1F = 0,
    parameter [255:0] INIT_RAM_20 = 0,
    parameter [255:0] INIT_RAM_21 = 0,
    parameter [255:0] INIT_RAM_22 = 0,
    parameter [255:0] INIT_RAM_23 = 0,
    parameter [255:0] INIT_RAM_24 = 0,
    parameter [255:0] INIT_RAM_25 = 0,
    parameter [255:0] INIT_RAM_26 = 0,
    parameter [255:0] INIT_RAM_27 = 0,
    parameter [255:0] INIT_RAM_28 = 0,
    parameter [255:0] INIT_RAM_29 = 0,
    parameter [255:0] INIT_RAM_2A = 0,
    parameter [255:0] INIT_RAM_2B = 0,
    parameter [255:0] INIT_RAM_2C = 0,
    parameter [255:0] INIT_RAM_2D = 0,
    parameter [255:0] INIT_RAM_2E = 0,
    parameter [255:0] INIT_RAM_2F = 0,
    parameter [255:0] INIT_RAM_30 = 0,
    parameter [255:0] INIT_RAM_31 = 0,
    parameter [255:0] INIT_RAM_32 = 0,
    parameter [255:0] INIT_RAM_33 = 0,
    parameter [255:0] INIT_RAM_34 = 0,
    parameter [255:0] INIT_RAM_35 = 0,
    parameter [255:0] INIT_RAM_36 = 0,
    parameter [255:0] INIT_RAM_37 = 0,
    parameter [255:0] INIT_RAM_38 = 0,
    parameter [255:0] INIT_RAM_39 = 0,
    parameter [255:0] INIT_RAM_3A = 0,
    parameter [255:0] INIT_RAM_3B = 0,
    parameter [255:0] INIT_RAM_3C = 0,
    parameter [255:0] INIT_RAM_3D = 0,
    parameter [255:0] INIT_RAM_3E = 0,
    parameter [255:0] INIT_RAM_3F = 0
) (
    input CLKA, CEA, OCEA, WREA, RESETA, CLKB, CEB, OCEB, WREB, RESETB,
    input [2:0] BLKSELA, BLKSELB,
    input [13:0] ADA, ADB,
    input [15:0] DIA, DIB,
    output [15:0] DOA, DOB
);
  generate
    if (READ_MODE0 || READ_MODE1) (* keep *) DPB_with_output_registers unknown ();
  endgenerate
  localparam [16383:0] INITS = {INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B,
        INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
        INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31,
        INIT_RAM_30,
        INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29,
        INIT_RAM_28,
        INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21,
        INIT_RAM_20,
        INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19,
        INIT_RAM_18,
        INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11,
        INIT_RAM_10,
        INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09,
        INIT_RAM_08,
        INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01,
        INIT_RAM_00};
  wire a_enabled = CEA && BLKSELA == BLK_SEL_0;
  wire b_enabled = CEB && BLKSELB == BLK_SEL_1;
  wire [3:0] a_write = {4{a_enabled && WREA}}
                       & (BIT_WIDTH_0 == 32 ? ADA[3:0] : BIT_WIDTH_0 == 16 ? {2'd0, ADA[1:0]} :
                           4'd1);
  wire [3:0] b_write = {4{b_enabled && WREB}}
                       & (BIT_WIDTH_1 == 32 ? ADB[3:0] : BIT_WIDTH_1 == 16 ? {2'd0, ADB[1:0]} :
                           4'd1);
  wire [71:0] a_out, b_out;
  assign DOA = a_out;
  assign DOB = b_out;

  xnorflow_ram #(
      .BYTE(8), .ASYNCHRONOUS(RESET_MODE == "ASYNC"),
      .A_WRITE_WIDTH(BIT_WIDTH_0), .A_READ_WIDTH(BIT_WIDTH_0), .A_MODE(WRITE_MODE0),
      .B_WRITE_WIDTH(BIT_WIDTH_1), .B_READ_WIDTH(BIT_WIDTH_1), .B_MODE(WRITE_MODE1),
      .INIT(INITS)
  ) ram (
      .a_clk(CLKA), .a_read(a_enabled), .a_reset(RESETA), .a_write({4'd0, a_write}),
      .a_address(ADA), .a_in(DIA), .a_out(a_out),
      .b_clk(CLKB), .b_read(b_enabled), .b_reset(RESETB), .b_write({4'd0, b_write}),
      .b_address(ADB), .b_in(DIB), .b_out(b_out)
  );
endmodule

module DPX9B #(
    parameter READ_MODE0 = 0,
    parameter READ_MODE1 = 0,
    parameter WRITE_MODE0 = 0,
    parameter WRITE_MODE1 = 0,
    parameter BIT_WIDTH_0 = 18,
    parameter BIT_WIDTH_1 = 18,
    parameter BLK_SEL_0 = 3'b000,
    parameter BLK_SEL_1 = 3'b000,
    parameter RESET_MODE = "SYNC",
    parameter [287:0] INIT_RAM_00 = 0,
    parameter [287:0] INIT_RAM_01 = 0,
    parameter [287:0] INIT_RAM_02 = 0,
    parameter [287:0] INIT_RAM_03 = 0,
    parameter [287:0] INIT_RAM_04 = 0,
    parameter [287:0] INIT_RAM_05 = 0,
    parameter [287:0] INIT_RAM_06 = 0,
    parameter [287:0] INIT_RAM_07 = 0,
    parameter [287:0] INIT_RAM_08 = 0,
    parameter [287:0] INIT_RAM_09 = 0,
    parameter [287:0] INIT_RAM_0A = 0,
    parameter [287:0] INIT_RAM_0B = 0,
    parameter [287:0] INIT_RAM_0C = 0,
    parameter [287:0] INIT_RAM_0D = 0,
    parameter [287:0] INIT_RAM_0E = 0,
    parameter [287:0] INIT_RAM_0F = 0,
    parameter [287:0] INIT_RAM_10 = 0,
    parameter [287:0] INIT_RAM_11 = 0,
    parameter [287:0] INIT_RAM_12 = 0,
    parameter [287:0] INIT_RAM_13 = 0,
    parameter [287:0] INIT_RAM_14 = 0,
    parameter [287:0] INIT_RAM_15 = 0,
    parameter [287:0] INIT_RAM_16 = 0,
    parameter [287:0] INIT_RAM_17 = 0,
    parameter [287:0] INIT_RAM_18 = 0,
    parameter [287:0] INIT_RAM_19 = 0,
    parameter [287:0] INIT_RAM_1A = 0,
    parameter [287:0] INIT_RAM_1B = 0,
    parameter [287:0] INIT_RAM_1C = 0,
    parameter [287:0] INIT_RAM_1D = 0,
    parameter [287:0] INIT_RAM_1E = 0,
    parameter [287:0] INIT_RAM_1F = 0,
    parameter [287:0] INIT_RAM_20 = 0,
    parameter [287:0] INIT_RAM_21 = 0,
    parameter [287:0] INIT_RAM_22 = 0,
    parameter [287:0] INIT_RAM_23 = 0,
    parameter [287:0] INIT_RAM_24 = 0,
    parameter [287:0] INIT_RAM_25 = 0,
    parameter [287:0] INIT_RAM_26 = 0,
    parameter [287:0] INIT_RAM_27 = 0,
    parameter [287:0] INIT_RAM_28 = 0,
    parameter [287:0] INIT_RAM_29 = 0,
    parameter [287:0] INIT_RAM_2A = 0,
    parameter [287:0] INIT_RAM_2B = 0,
    parameter [287:0] INIT_RAM_2C = 0,
    parameter [287:0] INIT_RAM_2D = 0,
    parameter [287:0] INIT_RAM_2E = 0,
    parameter [287:0] INIT_RAM_2F = 0,
    parameter [287:0] INIT_RAM_30 = 0,
    parameter [287:0] INIT_RAM_31 = 0,
    parameter [287:0] INIT_RAM_32 = 0,
    parameter [287:0] INIT_RAM_33 = 0,
    parameter [287:0] INIT_RAM_34 = 0,
    parameter [287:0] INIT_RAM_35 = 0,
    parameter [287:0] INIT_RAM_36 = 0,
    parameter [287:0] INIT_RAM_37 = 0,
    parameter [287:0] INIT_RAM_38 = 0,
    parameter [287:0] INIT_RAM_39 = 0,
    parameter [287:0] INIT_RAM_3A = 0,
    parameter [287:0] INIT_RAM_3B = 0,
    parameter [287:0] INIT_RAM_3C = 0,
    parameter [287:0] INIT_RAM_3D = 0,
    parameter [287:0] INIT_RAM_3E = 0,
    parameter [287:0] INIT_RAM_3F = 0
) (
    input CLKA, CEA, OCEA, WREA, RESETA, CLKB, CEB, OCEB, WREB, RESETB,
    input [2:0] BLKSELA, BLKSELB,
    input [13:0] ADA, ADB,
    input [17:0] DIA, DIB,
    output [17:0] DOA, DOB
);
  generate
    if (READ_MODE0 || READ_MODE1) (* keep *) DPX9B_with_output_registers unknown ();
  endgenerate
  localparam [18431:0] INITS = {INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B,
        INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
        INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31,
        INIT_RAM_30,
        INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29,
        INIT_RAM_28,
        INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21,
        INIT_RAM_20,
        INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19,
        INIT_RAM_18,
        INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11,
        INIT_RAM_10,
        INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09,
        INIT_RAM_08,
        INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01,
        INIT_RAM_00};
  wire a_enabled = CEA && BLKSELA == BLK_SEL_0;
  wire b_enabled = CEB && BLKSELB == BLK_SEL_1;
  wire [3:0] a_write = {4{a_enabled && WREA}}
                       & (BIT_WIDTH_0 == 36 ? ADA[3:0] : BIT_WIDTH_0 == 18 ? {2'd0, ADA[1:0]} :
                           4'd1);
  wire [3:0] b_write = {4{b_enabled && WREB}}
                       & (BIT_WIDTH_1 == 36 ? ADB[3:0] : BIT_WIDTH_1 == 18 ? {2'd0, ADB[1:0]} :
                           4'd1);
  wire [71:0] a_out, b_out;
  assign DOA = a_out;
  assign DOB = b_out;

  xnorflow_ram #(
      .BYTE(9), .ASYNCHRONOUS(RESET_MODE == "ASYNC"),
      .A_WRITE_WIDTH(BIT_WIDTH_0), .A_READ_WIDTH(BIT_WIDTH_0), .A_MODE(WRITE_MODE0),
      .B_WRITE_WIDTH(BIT_WIDTH_1), .B_READ_WIDTH(BIT_WIDTH_1), .B_MODE(WRITE_MODE1),
      .INIT(INITS)
  ) ram (
      .a_clk(CLKA), .a_read(a_enabled), .a_reset(RESETA), .a_write({4'd0, a_write}),
      .a_address(ADA), .a_in(DIA), .a_out(a_out),
      .b_clk(CLKB), .b_read(b_enabled), .b_reset(RESETB), .b_write({4'd0, b_write}),
      .b_address(ADB), .b_in(DIB), .b_out(b_out)
  );
endmodule

// Multipliers of Gowin without registers or cascades, as Yosys uses them; with one of them the cell
// that stands for it is unknown, and so the design is refused.
//
// Reference: Gowin, "Digital Signal Processing User Guide", UG287.
module xnorflow_multiplier #(
    parameter WIDTH = 18,
    parameter REGISTERS = 0
) (
    input [WIDTH - 1:0] a, b,
    input a_signed, b_signed,
    output [2 * WIDTH - 1:0] product
);
  wire signed [WIDTH:0] a_value = {a_signed && a[WIDTH - 1], a};
  wire signed [WIDTH:0] b_value = {b_signed && b[WIDTH - 1], b};
  wire signed [2 * WIDTH + 1:0] whole = a_value * b_value;
  assign product = whole[2 * WIDTH - 1:0];
  generate
    if (REGISTERS != 0) xnorflow_registered_multiplier unknown ();
  endgenerate
endmodule

module MULT9X9 #(
    parameter AREG = 1'b0,
    parameter BREG = 1'b0,
    parameter OUT_REG = 1'b0,
    parameter PIPE_REG = 1'b0,
    parameter ASIGN_REG = 1'b0,
    parameter BSIGN_REG = 1'b0
) (
    input [8:0] A, B,
    input [8:0] SIA, SIB,
    input ASEL, BSEL,
    input ASIGN, BSIGN, CE, CLK, RESET,
    output [17:0] DOUT
);
  xnorflow_multiplier #(
      .WIDTH(9),
      .REGISTERS(AREG || BREG || OUT_REG || PIPE_REG || ASIGN_REG || BSIGN_REG)
  ) multiplier (.a(A), .b(B), .a_signed(ASIGN), .b_signed(BSIGN), .product(DOUT));
endmodule

module MULT18X18 #(
    parameter AREG = 1'b0,
    parameter BREG = 1'b0,
    parameter OUT_REG = 1'b0,
    parameter PIPE_REG = 1'b0,
    parameter ASIGN_REG = 1'b0,
    parameter BSIGN_REG = 1'b0
) (
    input [17:0] A, B,
    input [17:0] SIA, SIB,
    input ASEL, BSEL,
    input ASIGN, BSIGN, CE, CLK, RESET,
    output [35:0] DOUT
);
  xnorflow_multiplier #(
      .WIDTH(18),
      .REGISTERS(AREG || BREG || OUT_REG || PIPE_REG || ASIGN_REG || BSIGN_REG)
  ) multiplier (.a(A), .b(B), .a_signed(ASIGN), .b_signed(BSIGN), .product(DOUT));
endmodule

module MULT36X36 #(
    parameter AREG = 1'b0,
    parameter BREG = 1'b0,
    parameter OUT0_REG = 1'b0,
    parameter OUT1_REG = 1'b0,
    parameter PIPE_REG = 1'b0,
    parameter ASIGN_REG = 1'b0,
    parameter BSIGN_REG = 1'b0
) (
    input [35:0] A, B,
    input ASIGN, BSIGN, CE, CLK, RESET,
    output [71:0] DOUT
);
  xnorflow_multiplier #(
      .WIDTH(36),
      .REGISTERS(AREG || BREG || OUT0_REG || OUT1_REG || PIPE_REG || ASIGN_REG || BSIGN_REG)
  ) multiplier (.a(A), .b(B), .a_signed(ASIGN), .b_signed(BSIGN), .product(DOUT));
endmodule
