// SPDX-License-Identifier: Apache-2.0
//
// Block RAM of xc7, of which Yosys has no model.
//
// Reference: AMD, "7 Series FPGAs Memory Resources", UG473, and the way in which Yosys maps
// memories to it (xilinx/brams_xc6v_map.v).

module RAMB18E1 #(
    parameter DOA_REG = 0,
    parameter DOB_REG = 0,
    parameter RAM_MODE = "TDP",
    parameter RDADDR_COLLISION_HWCONFIG = "DELAYED_WRITE",
    parameter READ_WIDTH_A = 0,
    parameter READ_WIDTH_B = 0,
    parameter WRITE_WIDTH_A = 0,
    parameter WRITE_WIDTH_B = 0,
    parameter RSTREG_PRIORITY_A = "RSTREG",
    parameter RSTREG_PRIORITY_B = "RSTREG",
    parameter SIM_COLLISION_CHECK = "ALL",
    parameter SIM_DEVICE = "VIRTEX6",
    parameter WRITE_MODE_A = "WRITE_FIRST",
    parameter WRITE_MODE_B = "WRITE_FIRST",
    parameter [17:0] INIT_A = 0,
    parameter [17:0] INIT_B = 0,
    parameter [17:0] SRVAL_A = 0,
    parameter [17:0] SRVAL_B = 0,
    parameter IS_CLKARDCLK_INVERTED = 0,
    parameter IS_CLKBWRCLK_INVERTED = 0,
    parameter IS_ENARDEN_INVERTED = 0,
    parameter IS_ENBWREN_INVERTED = 0,
    parameter IS_RSTRAMARSTRAM_INVERTED = 0,
    parameter IS_RSTRAMB_INVERTED = 0,
    parameter IS_RSTREGARSTREG_INVERTED = 0,
    parameter IS_RSTREGB_INVERTED = 0,
    parameter [255:0] INIT_00 = 0,
    parameter [255:0] INIT_01 = 0,
    parameter [255:0] INIT_02 = 0,
    parameter [255:0] INIT_03 = 0,
    parameter [255:0] INIT_04 = 0,
    parameter [255:0] INIT_05 = 0,
    parameter [255:0] INIT_06 = 0,
    parameter [255:0] INIT_07 = 0,
    parameter [255:0] INIT_08 = 0,
    parameter [255:0] INIT_09 = 0,
    parameter [255:0] INIT_0A = 0,
    parameter [255:0] INIT_0B = 0,
    parameter [255:0] INIT_0C = 0,
    parameter [255:0] INIT_0D = 0,
    parameter [255:0] INIT_0E = 0,
    parameter [255:0] INIT_0F = 0,
    parameter [255:0] INIT_10 = 0,
    parameter [255:0] INIT_11 = 0,
    parameter [255:0] INIT_12 = 0,
    parameter [255:0] INIT_13 = 0,
    parameter [255:0] INIT_14 = 0,
    parameter [255:0] INIT_15 = 0,
    parameter [255:0] INIT_16 = 0,
    parameter [255:0] INIT_17 = 0,
    parameter [255:0] INIT_18 = 0,
    parameter [255:0] INIT_19 = 0,
    parameter [255:0] INIT_1A = 0,
    parameter [255:0] INIT_1B = 0,
    parameter [255:0] INIT_1C = 0,
    parameter [255:0] INIT_1D = 0,
    parameter [255:0] INIT_1E = 0,
    parameter [255:0] INIT_1F = 0,
    parameter [255:0] INIT_20 = 0,
    parameter [255:0] INIT_21 = 0,
    parameter [255:0] INIT_22 = 0,
    parameter [255:0] INIT_23 = 0,
    parameter [255:0] INIT_24 = 0,
    parameter [255:0] INIT_25 = 0,
    parameter [255:0] INIT_26 = 0,
    parameter [255:0] INIT_27 = 0,
    parameter [255:0] INIT_28 = 0,
    parameter [255:0] INIT_29 = 0,
    parameter [255:0] INIT_2A = 0,
    parameter [255:0] INIT_2B = 0,
    parameter [255:0] INIT_2C = 0,
    parameter [255:0] INIT_2D = 0,
    parameter [255:0] INIT_2E = 0,
    parameter [255:0] INIT_2F = 0,
    parameter [255:0] INIT_30 = 0,
    parameter [255:0] INIT_31 = 0,
    parameter [255:0] INIT_32 = 0,
    parameter [255:0] INIT_33 = 0,
    parameter [255:0] INIT_34 = 0,
    parameter [255:0] INIT_35 = 0,
    parameter [255:0] INIT_36 = 0,
    parameter [255:0] INIT_37 = 0,
    parameter [255:0] INIT_38 = 0,
    parameter [255:0] INIT_39 = 0,
    parameter [255:0] INIT_3A = 0,
    parameter [255:0] INIT_3B = 0,
    parameter [255:0] INIT_3C = 0,
    parameter [255:0] INIT_3D = 0,
    parameter [255:0] INIT_3E = 0,
    parameter [255:0] INIT_3F = 0,
    parameter [255:0] INITP_00 = 0,
    parameter [255:0] INITP_01 = 0,
    parameter [255:0] INITP_02 = 0,
    parameter [255:0] INITP_03 = 0,
    parameter [255:0] INITP_04 = 0,
    parameter [255:0] INITP_05 = 0,
    parameter [255:0] INITP_06 = 0,
    parameter [255:0] INITP_07 = 0
) (
    input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB, RSTRAMARSTRAM, RSTRAMB,
    input RSTREGARSTREG, RSTREGB,
    input [13:0] ADDRARDADDR, ADDRBWRADDR,
    input [15:0] DIADI, DIBDI,
    input [1:0] DIPADIP, DIPBDIP,
    input [1:0] WEA,
    input [3:0] WEBWE,
    output [15:0] DOADO, DOBDO,
    output [1:0] DOPADOP, DOPBDOP
);
  generate
    if (DOA_REG != 0 || DOB_REG != 0) (* keep *) RAMB18E1_with_output_registers unknown ();
    if (IS_CLKARDCLK_INVERTED || IS_CLKBWRCLK_INVERTED)
      (* keep *) RAMB18E1_with_inverted_clock unknown ();
  endgenerate

  localparam HALF = 2;  // bytes of a side

  // Bytes of 9 bits: eight of data, and parity above them.
  function [18431:0] bytes(input [16383:0] data, input [2047:0] parity);
    integer i;
    for (i = 0; i < 2048; i = i + 1) bytes[9 * i +: 9] = {parity[i], data[8 * i +: 8]};
  endfunction

  // A value of `width` bits, given with all parity bits above all data bits, as such bytes.
  function [17:0] woven(input integer width, input [17:0] value);
    integer i;
    if (width <= 9) woven = value;
    else begin
      woven = 0;
      for (i = 0; i < width / 9 && i < HALF; i = i + 1)
        woven[9 * i +: 9] = {value[width / 9 * 8 + i], value[8 * i +: 8]};
    end
  endfunction

  // What a port reads while it writes.
  function integer mode(input [127:0] name);
    mode = name == "NO_CHANGE" ? 0 : name == "WRITE_FIRST" ? 1 : 2;
  endfunction

  // reads on side A, writes on side B, both of twice the width
  localparam SIMPLE = RAM_MODE == "SDP";
  wire a_enabled = ENARDEN ^ IS_ENARDEN_INVERTED;
  wire b_enabled = ENBWREN ^ IS_ENBWREN_INVERTED;
  wire [17:0] a_in, b_in;
  genvar i;
  generate
    for (i = 0; i < 2; i = i + 1) begin
      assign a_in[9 * i +: 9] = {DIPADIP[i], DIADI[8 * i +: 8]};
      assign b_in[9 * i +: 9] = {DIPBDIP[i], DIBDI[8 * i +: 8]};
      assign {DOPADOP[i], DOADO[8 * i +: 8]} = a_out[9 * i +: 9];
      assign {DOPBDOP[i], DOBDO[8 * i +: 8]} = SIMPLE ? a_out[18 + 9 * i +: 9] : b_out[9 * i +: 9];
    end
  endgenerate
  wire [71:0] a_out, b_out;

  xnorflow_ram #(
      .BYTE(9), .ADDRESS_BITS(14),
      .A_WRITE_WIDTH(SIMPLE ? 0 : WRITE_WIDTH_A), .A_READ_WIDTH(READ_WIDTH_A),
      .B_WRITE_WIDTH(WRITE_WIDTH_B), .B_READ_WIDTH(SIMPLE ? 0 : READ_WIDTH_B),
      .A_MODE(mode(WRITE_MODE_A)), .B_MODE(mode(WRITE_MODE_B)),
      .A_FIRST_VALUE(READ_WIDTH_A == 36 ? {woven(18, INIT_B), woven(18, INIT_A)}
                                         : woven(READ_WIDTH_A, INIT_A)),
      .B_FIRST_VALUE(woven(READ_WIDTH_B, INIT_B)),
      .A_RESET_VALUE(READ_WIDTH_A == 36 ? {woven(18, SRVAL_B), woven(18, SRVAL_A)}
                                         : woven(READ_WIDTH_A, SRVAL_A)),
      .B_RESET_VALUE(woven(READ_WIDTH_B, SRVAL_B)),
      .INIT(bytes(
        {INIT_3F, INIT_3E, INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38,
        INIT_37, INIT_36, INIT_35, INIT_34, INIT_33, INIT_32, INIT_31, INIT_30,
        INIT_2F, INIT_2E, INIT_2D, INIT_2C, INIT_2B, INIT_2A, INIT_29, INIT_28,
        INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20,
        INIT_1F, INIT_1E, INIT_1D, INIT_1C, INIT_1B, INIT_1A, INIT_19, INIT_18,
        INIT_17, INIT_16, INIT_15, INIT_14, INIT_13, INIT_12, INIT_11, INIT_10,
        INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09, INIT_08,
        INIT_07, INIT_06, INIT_05, INIT_04, INIT_03, INIT_02, INIT_01, INIT_00},
        {INITP_07, INITP_06, INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00}))
  ) ram (
      .a_clk(CLKARDCLK), .a_read(a_enabled),
      .a_reset(a_enabled && RSTRAMARSTRAM ^ IS_RSTRAMARSTRAM_INVERTED),
      .a_write(a_enabled ? WEA : 8'd0), .a_address(ADDRARDADDR[13:0]),
      .a_in(a_in), .a_out(a_out),
      .b_clk(CLKBWRCLK), .b_read(b_enabled),
      .b_reset(b_enabled && RSTRAMB ^ IS_RSTRAMB_INVERTED),
      .b_write(b_enabled ? WEBWE : 8'd0), .b_address(ADDRBWRADDR[13:0]),
      .b_in(SIMPLE && WRITE_WIDTH_B == 36 ? {b_in, a_in} : b_in), .b_out(b_out)
  );
endmodule

module RAMB36E1 #(
    parameter DOA_REG = 0,
    parameter DOB_REG = 0,
    parameter RAM_MODE = "TDP",
    parameter RDADDR_COLLISION_HWCONFIG = "DELAYED_WRITE",
    parameter READ_WIDTH_A = 0,
    parameter READ_WIDTH_B = 0,
    parameter WRITE_WIDTH_A = 0,
    parameter WRITE_WIDTH_B = 0,
    parameter RSTREG_PRIORITY_A = "RSTREG",
    parameter RSTREG_PRIORITY_B = "RSTREG",
    parameter SIM_COLLISION_CHECK = "ALL",
    parameter SIM_DEVICE = "VIRTEX6",
    parameter WRITE_MODE_A = "WRITE_FIRST",
    parameter WRITE_MODE_B = "WRITE_FIRST",
    parameter [35:0] INIT_A = 0,
    parameter [35:0] INIT_B = 0,
    parameter [35:0] SRVAL_A = 0,
    parameter [35:0] SRVAL_B = 0,
    parameter IS_CLKARDCLK_INVERTED = 0,
    parameter IS_CLKBWRCLK_INVERTED = 0,
    parameter IS_ENARDEN_INVERTED = 0,
    parameter IS_ENBWREN_INVERTED = 0,
    parameter IS_RSTRAMARSTRAM_INVERTED = 0,
    parameter IS_RSTRAMB_INVERTED = 0,
    parameter IS_RSTREGARSTREG_INVERTED = 0,
    parameter IS_RSTREGB_INVERTED = 0,
    parameter RAM_EXTENSION_A = "NONE",
    parameter RAM_EXTENSION_B = "NONE",
    parameter EN_ECC_READ = "FALSE",
    parameter EN_ECC_WRITE = "FALSE",
    parameter [255:0] INIT_00 = 0,
    parameter [255:0] INIT_01 = 0,
    parameter [255:0] INIT_02 = 0,
    parameter [255:0] INIT_03 = 0,
    parameter [255:0] INIT_04 = 0,
    parameter [255:0] INIT_05 = 0,
    parameter [255:0] INIT_06 = 0,
    parameter [255:0] INIT_07 = 0,
    parameter [255:0] INIT_08 = 0,
    parameter [255:0] INIT_09 = 0,
    parameter [255:0] INIT_0A = 0,
    parameter [255:0] INIT_0B = 0,
    parameter [255:0] INIT_0C = 0,
    parameter [255:0] INIT_0D = 0,
    parameter [255:0] INIT_0E = 0,
    parameter [255:0] INIT_0F = 0,
    parameter [255:0] INIT_10 = 0,
    parameter [255:0] INIT_11 = 0,
    parameter [255:0] INIT_12 = 0,
    parameter [255:0] INIT_13 = 0,
    parameter [255:0] INIT_14 = 0,
    parameter [255:0] INIT_15 = 0,
    parameter [255:0] INIT_16 = 0,
    parameter [255:0] INIT_17 = 0,
    parameter [255:0] INIT_18 = 0,
    parameter [255:0] INIT_19 = 0,
    parameter [255:0] INIT_1A = 0,
    parameter [255:0] INIT_1B = 0,
    parameter [255:0] INIT_1C = 0,
    parameter [255:0] INIT_1D = 0,
    parameter [255:0] INIT_1E = 0,
    parameter [255:0] INIT_1F = 0,
    parameter [255:0] INIT_20 = 0,
    parameter [255:0] INIT_21 = 0,
    parameter [255:0] INIT_22 = 0,
    parameter [255:0] INIT_23 = 0,
    parameter [255:0] INIT_24 = 0,
    parameter [255:0] INIT_25 = 0,
    parameter [255:0] INIT_26 = 0,
    parameter [255:0] INIT_27 = 0,
    parameter [255:0] INIT_28 = 0,
    parameter [255:0] INIT_29 = 0,
    parameter [255:0] INIT_2A = 0,
    parameter [255:0] INIT_2B = 0,
    parameter [255:0] INIT_2C = 0,
    parameter [255:0] INIT_2D = 0,
    parameter [255:0] INIT_2E = 0,
    parameter [255:0] INIT_2F = 0,
    parameter [255:0] INIT_30 = 0,
    parameter [255:0] INIT_31 = 0,
    parameter [255:0] INIT_32 = 0,
    parameter [255:0] INIT_33 = 0,
    parameter [255:0] INIT_34 = 0,
    parameter [255:0] INIT_35 = 0,
    parameter [255:0] INIT_36 = 0,
    parameter [255:0] INIT_37 = 0,
    parameter [255:0] INIT_38 = 0,
    parameter [255:0] INIT_39 = 0,
    parameter [255:0] INIT_3A = 0,
    parameter [255:0] INIT_3B = 0,
    parameter [255:0] INIT_3C = 0,
    parameter [255:0] INIT_3D = 0,
    parameter [255:0] INIT_3E = 0,
    parameter [255:0] INIT_3F = 0,
    parameter [255:0] INIT_40 = 0,
    parameter [255:0] INIT_41 = 0,
    parameter [255:0] INIT_42 = 0,
    parameter [255:0] INIT_43 = 0,
    parameter [255:0] INIT_44 = 0,
    parameter [255:0] INIT_45 = 0,
    parameter [255:0] INIT_46 = 0,
    parameter [255:0] INIT_47 = 0,
    parameter [255:0] INIT_48 = 0,
    parameter [255:0] INIT_49 = 0,
    parameter [255:0] INIT_4A = 0,
    parameter [255:0] INIT_4B = 0,
    parameter [255:0] INIT_4C = 0,
    parameter [255:0] INIT_4D = 0,
    parameter [255:0] INIT_4E = 0,
    parameter [255:0] INIT_4F = 0,
    parameter [255:0] INIT_50 = 0,
    parameter [255:0] INIT_51 = 0,
    parameter [255:0] INIT_52 = 0,
    parameter [255:0] INIT_53 = 0,
    parameter [255:0] INIT_54 = 0,
    parameter [255:0] INIT_55 = 0,
    parameter [255:0] INIT_56 = 0,
    parameter [255:0] INIT_57 = 0,
    parameter [255:0] INIT_58 = 0,
    parameter [255:0] INIT_59 = 0,
    parameter [255:0] INIT_5A = 0,
    parameter [255:0] INIT_5B = 0,
    parameter [255:0] INIT_5C = 0,
    parameter [255:0] INIT_5D = 0,
    parameter [255:0] INIT_5E = 0,
    parameter [255:0] INIT_5F = 0,
    parameter [255:0] INIT_60 = 0,
    parameter [255:0] INIT_61 = 0,
    parameter [255:0] INIT_62 = 0,
    parameter [255:0] INIT_63 = 0,
    parameter [255:0] INIT_64 = 0,
    parameter [255:0] INIT_65 = 0,
    parameter [255:0] INIT_66 = 0,
    parameter [255:0] INIT_67 = 0,
    parameter [255:0] INIT_68 = 0,
    parameter [255:0] INIT_69 = 0,
    parameter [255:0] INIT_6A = 0,
    parameter [255:0] INIT_6B = 0,
    parameter [255:0] INIT_6C = 0,
    parameter [255:0] INIT_6D = 0,
    parameter [255:0] INIT_6E = 0,
    parameter [255:0] INIT_6F = 0,
    parameter [255:0] INIT_70 = 0,
    parameter [255:0] INIT_71 = 0,
    parameter [255:0] INIT_72 = 0,
    parameter [255:0] INIT_73 = 0,
    parameter [255:0] INIT_74 = 0,
    parameter [255:0] INIT_75 = 0,
    parameter [255:0] INIT_76 = 0,
    parameter [255:0] INIT_77 = 0,
    parameter [255:0] INIT_78 = 0,
    parameter [255:0] INIT_79 = 0,
    parameter [255:0] INIT_7A = 0,
    parameter [255:0] INIT_7B = 0,
    parameter [255:0] INIT_7C = 0,
    parameter [255:0] INIT_7D = 0,
    parameter [255:0] INIT_7E = 0,
    parameter [255:0] INIT_7F = 0,
    parameter [255:0] INITP_00 = 0,
    parameter [255:0] INITP_01 = 0,
    parameter [255:0] INITP_02 = 0,
    parameter [255:0] INITP_03 = 0,
    parameter [255:0] INITP_04 = 0,
    parameter [255:0] INITP_05 = 0,
    parameter [255:0] INITP_06 = 0,
    parameter [255:0] INITP_07 = 0,
    parameter [255:0] INITP_08 = 0,
    parameter [255:0] INITP_09 = 0,
    parameter [255:0] INITP_0A = 0,
    parameter [255:0] INITP_0B = 0,
    parameter [255:0] INITP_0C = 0,
    parameter [255:0] INITP_0D = 0,
    parameter [255:0] INITP_0E = 0,
    parameter [255:0] INITP_0F = 0
) (
    input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB, RSTRAMARSTRAM, RSTRAMB,
    input RSTREGARSTREG, RSTREGB,
    input [15:0] ADDRARDADDR, ADDRBWRADDR,
    input [31:0] DIADI, DIBDI,
    input [3:0] DIPADIP, DIPBDIP,
    input [3:0] WEA,
    input [7:0] WEBWE,
    output [31:0] DOADO, DOBDO,
    output [3:0] DOPADOP, DOPBDOP,
    input CASCADEINA, CASCADEINB, INJECTDBITERR, INJECTSBITERR,
    output CASCADEOUTA, CASCADEOUTB, SBITERR, DBITERR,
    output [7:0] ECCPARITY,
    output [8:0] RDADDRECC
);
  generate
    if (DOA_REG != 0 || DOB_REG != 0) (* keep *) RAMB36E1_with_output_registers unknown ();
    if (IS_CLKARDCLK_INVERTED || IS_CLKBWRCLK_INVERTED)
      (* keep *) RAMB36E1_with_inverted_clock unknown ();
    if (RAM_EXTENSION_A != "NONE" || RAM_EXTENSION_B != "NONE")
      (* keep *) RAMB36E1_with_cascade unknown ();
    if (EN_ECC_READ != "FALSE" || EN_ECC_WRITE != "FALSE") (* keep *) RAMB36E1_with_ECC unknown ();
  endgenerate

  localparam HALF = 4;  // bytes of a side

  // Bytes of 9 bits: eight of data, and parity above them.
  function [36863:0] bytes(input [32767:0] data, input [4095:0] parity);
    integer i;
    for (i = 0; i < 4096; i = i + 1) bytes[9 * i +: 9] = {parity[i], data[8 * i +: 8]};
  endfunction

  // A value of `width` bits, given with all parity bits above all data bits, as such bytes.
  function [35:0] woven(input integer width, input [35:0] value);
    integer i;
    if (width <= 9) woven = value;
    else begin
      woven = 0;
      for (i = 0; i < width / 9 && i < HALF; i = i + 1)
        woven[9 * i +: 9] = {value[width / 9 * 8 + i], value[8 * i +: 8]};
    end
  endfunction

  // What a port reads while it writes.
  function integer mode(input [127:0] name);
    mode = name == "NO_CHANGE" ? 0 : name == "WRITE_FIRST" ? 1 : 2;
  endfunction

  // reads on side A, writes on side B, both of twice the width
  localparam SIMPLE = RAM_MODE == "SDP";
  wire a_enabled = ENARDEN ^ IS_ENARDEN_INVERTED;
  wire b_enabled = ENBWREN ^ IS_ENBWREN_INVERTED;
  wire [35:0] a_in, b_in;
  genvar i;
  generate
    for (i = 0; i < 4; i = i + 1) begin
      assign a_in[9 * i +: 9] = {DIPADIP[i], DIADI[8 * i +: 8]};
      assign b_in[9 * i +: 9] = {DIPBDIP[i], DIBDI[8 * i +: 8]};
      assign {DOPADOP[i], DOADO[8 * i +: 8]} = a_out[9 * i +: 9];
      assign {DOPBDOP[i], DOBDO[8 * i +: 8]} = SIMPLE ? a_out[36 + 9 * i +: 9] : b_out[9 * i +: 9];
    end
  endgenerate
  wire [71:0] a_out, b_out;

  xnorflow_ram #(
      .BYTE(9), .ADDRESS_BITS(15),
      .A_WRITE_WIDTH(SIMPLE ? 0 : WRITE_WIDTH_A), .A_READ_WIDTH(READ_WIDTH_A),
      .B_WRITE_WIDTH(WRITE_WIDTH_B), .B_READ_WIDTH(SIMPLE ? 0 : READ_WIDTH_B),
      .A_MODE(mode(WRITE_MODE_A)), .B_MODE(mode(WRITE_MODE_B)),
      .A_FIRST_VALUE(READ_WIDTH_A == 72 ? {woven(36, INIT_B), woven(36, INIT_A)}
                                         : woven(READ_WIDTH_A, INIT_A)),
      .B_FIRST_VALUE(woven(READ_WIDTH_B, INIT_B)),
      .A_RESET_VALUE(READ_WIDTH_A == 72 ? {woven(36, SRVAL_B), woven(36, SRVAL_A)}
                                         : woven(READ_WIDTH_A, SRVAL_A)),
      .B_RESET_VALUE(woven(READ_WIDTH_B, SRVAL_B)),
      .INIT(bytes(
        {INIT_7F, INIT_7E, INIT_7D, INIT_7C, INIT_7B, INIT_7A, INIT_79, INIT_78,
        INIT_77, INIT_76, INIT_75, INIT_74, INIT_73, INIT_72, INIT_71, INIT_70,
        INIT_6F, INIT_6E, INIT_6D, INIT_6C, INIT_6B, INIT_6A, INIT_69, INIT_68,
        INIT_67, INIT_66, INIT_65, INIT_64, INIT_63, INIT_62, INIT_61, INIT_60,
        INIT_5F, INIT_5E, INIT_5D, INIT_5C, INIT_5B, INIT_5A, INIT_59, INIT_58,
        INIT_57, INIT_56, INIT_55, INIT_54, INIT_53, INIT_52, INIT_51, INIT_50,
        INIT_4F, INIT_4E, INIT_4D, INIT_4C, INIT_4B, INIT_4A, INIT_49, INIT_48,
        INIT_47, INIT_46, INIT_45, INIT_44, INIT_43, INIT_42, INIT_41, INIT_40,
        INIT_3F, INIT_3E, INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38,
        INIT_37, INIT_36, INIT_35, INIT_34, INIT_33, INIT_32, INIT_31, INIT_30,
        INIT_2F, INIT_2E, INIT_2D, INIT_2C, INIT_2B, INIT_2A, INIT_29, INIT_28,
        INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20,
        INIT_1F, INIT_1E, INIT_1D, INIT_1C, INIT_1B, INIT_1A, INIT_19, INIT_18,
        INIT_17, INIT_16, INIT_15, INIT_14, INIT_13, INIT_12, INIT_11, INIT_10,
        INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09, INIT_08,
        INIT_07, INIT_06, INIT_05, INIT_04, INIT_03, INIT_02, INIT_01, INIT_00},
        {INITP_0F, INITP_0E, INITP_0D, INITP_0C, INITP_0B, INITP_0A, INITP_09, INITP_08,
        INITP_07, INITP_06, INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00}))
  ) ram (
      .a_clk(CLKARDCLK), .a_read(a_enabled),
      .a_reset(a_enabled && RSTRAMARSTRAM ^ IS_RSTRAMARSTRAM_INVERTED),
      .a_write(a_enabled ? WEA : 8'd0), .a_address(ADDRARDADDR[14:0]),
      .a_in(a_in), .a_out(a_out),
      .b_clk(CLKBWRCLK), .b_read(b_enabled),
      .b_reset(b_enabled && RSTRAMB ^ IS_RSTRAMB_INVERTED),
      .b_write(b_enabled ? WEBWE : 8'd0), .b_address(ADDRBWRADDR[14:0]),
      .b_in(SIMPLE && WRITE_WIDTH_B == 72 ? {b_in, a_in} : b_in), .b_out(b_out)
  );
endmodule
