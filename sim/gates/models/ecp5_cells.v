// SPDX-License-Identifier: Apache-2.0
//
// Block RAM of ECP5, of which Yosys has no model.
//
// Reference: Lattice, "ECP5 and ECP5-5G Memory Usage Guide", FPGA-TN-02204, and the way in which
// Yosys maps memories to it (lattice/brams_map_16kd.v).
module DP16KD #(
    parameter DATA_WIDTH_A = 18,
    parameter DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG",
    parameter REGMODE_B = "NOREG",
    parameter RESETMODE = "SYNC",
    parameter ASYNC_RESET_RELEASE = "SYNC",
    parameter CSDECODE_A = "0b000",
    parameter CSDECODE_B = "0b000",
    parameter WRITEMODE_A = "NORMAL",
    parameter WRITEMODE_B = "NORMAL",
    parameter CLKAMUX = "CLKA",
    parameter CLKBMUX = "CLKB",
    parameter GSR = "ENABLED",
    parameter WID = 0,
    parameter INIT_DATA = "STATIC",
    parameter [319:0] INITVAL_00 = 0,
    parameter [319:0] INITVAL_01 = 0,
    parameter [319:0] INITVAL_02 = 0,
    parameter [319:0] INITVAL_03 = 0,
    parameter [319:0] INITVAL_04 = 0,
    parameter [319:0] INITVAL_05 = 0,
    parameter [319:0] INITVAL_06 = 0,
    parameter [319:0] INITVAL_07 = 0,
    parameter [319:0] INITVAL_08 = 0,
    parameter [319:0] INITVAL_09 = 0,
    parameter [319:0] INITVAL_0A = 0,
    parameter [319:0] INITVAL_0B = 0,
    parameter [319:0] INITVAL_0C = 0,
    parameter [319:0] INITVAL_0D = 0,
    parameter [319:0] INITVAL_0E = 0,
    parameter [319:0] INITVAL_0F = 0,
    parameter [319:0] INITVAL_10 = 0,
    parameter [319:0] INITVAL_11 = 0,
    parameter [319:0] INITVAL_12 = 0,
    parameter [319:0] INITVAL_13 = 0,
    parameter [319:0] INITVAL_14 = 0,
    parameter [319:0] INITVAL_15 = 0,
    parameter [319:0] INITVAL_16 = 0,
    parameter [319:0] INITVAL_17 = 0,
    parameter [319:0] INITVAL_18 = 0,
    parameter [319:0] INITVAL_19 = 0,
    parameter [319:0] INITVAL_1A = 0,
    parameter [319:0] INITVAL_1B = 0,
    parameter [319:0] INITVAL_1C = 0,
    parameter [319:0] INITVAL_1D = 0,
    parameter [319:0] INITVAL_1E = 0,
    parameter [319:0] INITVAL_1F = 0,
    parameter [319:0] INITVAL_20 = 0,
    parameter [319:0] INITVAL_21 = 0,
    parameter [319:0] INITVAL_22 = 0,
    parameter [319:0] INITVAL_23 = 0,
    parameter [319:0] INITVAL_24 = 0,
    parameter [319:0] INITVAL_25 = 0,
    parameter [319:0] INITVAL_26 = 0,
    parameter [319:0] INITVAL_27 = 0,
    parameter [319:0] INITVAL_28 = 0,
    parameter [319:0] INITVAL_29 = 0,
    parameter [319:0] INITVAL_2A = 0,
    parameter [319:0] INITVAL_2B = 0,
    parameter [319:0] INITVAL_2C = 0,
    parameter [319:0] INITVAL_2D = 0,
    parameter [319:0] INITVAL_2E = 0,
    parameter [319:0] INITVAL_2F = 0,
    parameter [319:0] INITVAL_30 = 0,
    parameter [319:0] INITVAL_31 = 0,
    parameter [319:0] INITVAL_32 = 0,
    parameter [319:0] INITVAL_33 = 0,
    parameter [319:0] INITVAL_34 = 0,
    parameter [319:0] INITVAL_35 = 0,
    parameter [319:0] INITVAL_36 = 0,
    parameter [319:0] INITVAL_37 = 0,
    parameter [319:0] INITVAL_38 = 0,
    parameter [319:0] INITVAL_39 = 0,
    parameter [319:0] INITVAL_3A = 0,
    parameter [319:0] INITVAL_3B = 0,
    parameter [319:0] INITVAL_3C = 0,
    parameter [319:0] INITVAL_3D = 0,
    parameter [319:0] INITVAL_3E = 0,
    parameter [319:0] INITVAL_3F = 0
) (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
        DIA4, DIA3, DIA2, DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
        DOA4, DOA3, DOA2, DOA1, DOA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
        DIB4, DIB3, DIB2, DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
        DOB4, DOB3, DOB2, DOB1, DOB0
);
  // Two ports of 18 bits make one of 36, which writes on side A and reads on side B.
  localparam SYNC = RESETMODE == "SYNC";
  localparam WIDE = DATA_WIDTH_A == 36 || DATA_WIDTH_B == 36;

  generate
    if ((REGMODE_A != "NOREG" || REGMODE_B != "NOREG") && (WIDE || !SYNC))
      (* keep *) DP16KD_with_such_output_registers unknown ();
    if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000")
      (* keep *) DP16KD_with_other_chip_select unknown ();
    if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB") (* keep *) DP16KD_with_inverted_clock unknown ();
  endgenerate

  function [18431:0] bytes(input [20479:0] rows);
    integer i;
    for (i = 0; i < 1024; i = i + 1) bytes[18 * i +: 18] = rows[20 * i +: 18];
  endfunction

  // What a port reads while it writes.
  function integer mode(input [127:0] name);
    mode = name == "NORMAL" ? 0 : name == "WRITETHROUGH" ? 1 : 2;
  endfunction

  wire [17:0] ia = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6,
      DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [17:0] ib = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6,
      DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
  wire [17:0] oa, ob;
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
      DOA4, DOA3, DOA2, DOA1, DOA0} = oa;
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
        DOB4, DOB3, DOB2, DOB1, DOB0} = ob;
  wire [13:0] aa = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2,
      ADA1, ADA0};
  wire [13:0] ab = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2,
      ADB1, ADB0};
  wire ea = CEA && {CSA2, CSA1, CSA0} == 0;
  wire eb = CEB && {CSB2, CSB1, CSB0} == 0;
  wire [3:0] wa = {4{ea && WEA && !(SYNC && RSTA)}} & (DATA_WIDTH_A == 36 ? aa[3:0]
                                             : DATA_WIDTH_A == 18 ? {2'd0, aa[1:0]} : 4'd1);
  wire [3:0] wb = {4{eb && WEB && !(SYNC && RSTB)}} & (DATA_WIDTH_B == 18 ? {2'd0, ab[1:0]} : 4'd1);
  wire [71:0] qa, qb;
  wire [17:0] la = WIDE ? qb[17:0] : qa[17:0];
  wire [17:0] lb = WIDE && DATA_WIDTH_B == 36 ? qb[35:18] : qb[17:0];

  generate
    if (REGMODE_A == "NOREG") assign oa = la;
    else begin
      reg [17:0] registered = 0;
      always @(posedge CLKA)
        if (RSTA) registered <= 0;
        else if (OCEA) registered <= la;
      assign oa = registered;
    end
    if (REGMODE_B == "NOREG") assign ob = lb;
    else begin
      reg [17:0] registered = 0;
      always @(posedge CLKB)
        if (RSTB) registered <= 0;
        else if (OCEB) registered <= lb;
      assign ob = registered;
    end
  endgenerate

  xnorflow_ram #(
      .BYTE(9), .ASYNCHRONOUS(!SYNC),
      .A_WRITE_WIDTH(DATA_WIDTH_A), .A_READ_WIDTH(WIDE ? 0 : DATA_WIDTH_A),
      .B_WRITE_WIDTH(WIDE ? 0 : DATA_WIDTH_B), .B_READ_WIDTH(DATA_WIDTH_B),
      .A_MODE(mode(WRITEMODE_A)), .B_MODE(mode(WRITEMODE_B)),
      .INIT(bytes({INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A,
        INITVAL_39, INITVAL_38,
        INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31,
        INITVAL_30,
        INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29,
        INITVAL_28,
        INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21,
        INITVAL_20,
        INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19,
        INITVAL_18,
        INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11,
        INITVAL_10,
        INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09,
        INITVAL_08,
        INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01,
        INITVAL_00}))
  ) ram (
      .a_clk(CLKA), .a_read(ea), .a_reset(RSTA), .a_write({4'd0, wa}), .a_address(aa),
      .a_in({36'd0, ib, ia}), .a_out(qa),
      .b_clk(CLKB), .b_read(eb), .b_reset(RSTB), .b_write({4'd0, wb}), .b_address(ab),
      .b_in({54'd0, ib}), .b_out(qb)
  );
endmodule

// Multiplier of ECP5 without registers or cascades, as Yosys uses it; with one of them the cell
// that stands for it is unknown, and so the design is refused.
//
// Reference: Lattice, "ECP5 and ECP5-5G sysDSP Usage Guide", FPGA-TN-02205.
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE",
    parameter REG_INPUTB_CLK = "NONE",
    parameter REG_PIPELINE_CLK = "NONE",
    parameter REG_OUTPUT_CLK = "NONE",
    parameter MULT_BYPASS = "DISABLED"
) (
    input
        A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17, B0, B1, B2,
        B3, B4, B5, B6, B7, B8, B9, B10, B11, B12, B13, B14, B15, B16, B17, C0, C1, C2, C3, C4, C5,
        C6, C7, C8, C9, C10, C11, C12, C13, C14, C15, C16, C17,
        SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    output
        P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14, P15, P16, P17, P18, P19,
        P20, P21, P22, P23, P24, P25, P26, P27, P28, P29, P30, P31, P32, P33, P34, P35
);
  wire signed [18:0] a = {SIGNEDA && A17, A17, A16, A15, A14, A13, A12, A11, A10,
      A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
  wire signed [18:0] b = {SIGNEDB && B17, B17, B16, B15, B14, B13, B12, B11, B10,
      B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
  wire signed [37:0] product = a * b;
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
      P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1,
      P0} = product[35:0];
  generate
    if (REG_INPUTA_CLK != "NONE" || REG_INPUTB_CLK != "NONE" || REG_PIPELINE_CLK != "NONE"
        || REG_OUTPUT_CLK != "NONE" || MULT_BYPASS != "DISABLED")
      xnorflow_registered_multiplier unknown ();
  endgenerate
endmodule
