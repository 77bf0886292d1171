// SPDX-License-Identifier: Apache-2.0
//
// A block RAM with two ports, as FPGA vendors build them: the heart of the families' models.
//
// It stores bytes of BYTE bits: 8, or 9 with parity. Addresses count bits of bytes of 8, so a port
// of 9 bits is addressed by multiples of 8 and one of 4 bits by multiples of 4. Ports narrower than
// a byte see its lowest 8 bits. Reading takes a cycle, and sees what was stored before.
module xnorflow_ram #(
    parameter BYTE = 9,
    parameter ADDRESS_BITS = 14,
    parameter ASYNCHRONOUS = 0,  // whether a reset waits for no clock
    parameter A_WRITE_WIDTH = 18,  // 0: not there
    parameter A_READ_WIDTH = 18,
    parameter B_WRITE_WIDTH = 18,
    parameter B_READ_WIDTH = 18,
    parameter A_MODE = 0,  // what a port that writes reads: 0 keeps its output, 1 new, 2 old
    parameter B_MODE = 0,
    parameter [71:0] A_FIRST_VALUE = 0,
    parameter [71:0] B_FIRST_VALUE = 0,
    parameter [71:0] A_RESET_VALUE = 0,
    parameter [71:0] B_RESET_VALUE = 0,
    parameter [BYTE * (1 << (ADDRESS_BITS - 3)) - 1:0] INIT = 0
) (
    input a_clk, a_read, a_reset,
    input [7:0] a_write,  // of each byte
    input [ADDRESS_BITS-1:0] a_address,
    input [71:0] a_in,
    output [71:0] a_out,
    input b_clk, b_read, b_reset,
    input [7:0] b_write,
    input [ADDRESS_BITS-1:0] b_address,
    input [71:0] b_in,
    output [71:0] b_out
);
  localparam A_WIDTH = A_WRITE_WIDTH > A_READ_WIDTH ? A_WRITE_WIDTH : A_READ_WIDTH;
  localparam B_WIDTH = B_WRITE_WIDTH > B_READ_WIDTH ? B_WRITE_WIDTH : B_READ_WIDTH;
  localparam WIDEST = A_WIDTH > B_WIDTH ? A_WIDTH : B_WIDTH;
  localparam WORD = WIDEST > BYTE ? WIDEST : BYTE;
  localparam SKIPPED = $clog2(8 * WORD / BYTE);  // bits of the address inside a word
  localparam SIZE = 1 << (ADDRESS_BITS - SKIPPED);

  reg [WORD-1:0] memory [0:SIZE-1];
  integer index;
  initial
    for (index = 0; index < SIZE; index = index + 1) memory[index] = INIT[index * WORD +: WORD];

  wire [WORD-1:0] a_mask, a_word, b_mask, b_word;
  wire [ADDRESS_BITS-SKIPPED-1:0] a_row = a_address >> SKIPPED;
  wire [ADDRESS_BITS-SKIPPED-1:0] b_row = b_address >> SKIPPED;

  xnorflow_ram_port #(BYTE, WORD, SKIPPED, ASYNCHRONOUS, A_WRITE_WIDTH, A_READ_WIDTH, A_MODE,
                      A_FIRST_VALUE, A_RESET_VALUE)
    a (a_clk, a_read, a_reset, a_write, a_address[SKIPPED-1:0], a_in, memory[a_row],
       a_mask, a_word, a_out);
  xnorflow_ram_port #(BYTE, WORD, SKIPPED, ASYNCHRONOUS, B_WRITE_WIDTH, B_READ_WIDTH, B_MODE,
                      B_FIRST_VALUE, B_RESET_VALUE)
    b (b_clk, b_read, b_reset, b_write, b_address[SKIPPED-1:0], b_in, memory[b_row],
       b_mask, b_word, b_out);

  integer a_bit, b_bit;
  always @(posedge a_clk)
    for (a_bit = 0; a_bit < WORD; a_bit = a_bit + 1)
      if (a_mask[a_bit]) memory[a_row][a_bit] <= a_word[a_bit];
  always @(posedge b_clk)
    for (b_bit = 0; b_bit < WORD; b_bit = b_bit + 1)
      if (b_mask[b_bit]) memory[b_row][b_bit] <= b_word[b_bit];
endmodule

// What a port makes of a word: which bits it writes, and what it reads.
module xnorflow_ram_port #(
    parameter BYTE = 9,
    parameter WORD = 18,
    parameter SKIPPED = 4,
    parameter ASYNCHRONOUS = 0,
    parameter WRITE_WIDTH = 18,
    parameter READ_WIDTH = 18,
    parameter MODE = 0,
    parameter [71:0] FIRST_VALUE = 0,
    parameter [71:0] RESET_VALUE = 0
) (
    input clk, read, reset,
    input [7:0] write,
    input [SKIPPED-1:0] position,  // inside the word
    input [71:0] in,
    input [WORD-1:0] stored,
    output [WORD-1:0] mask, word,
    output [71:0] out
);
  genvar i;
  generate
    for (i = 0; i < WORD; i = i + 1) begin : written
      localparam SPOT = i / BYTE * 8 + i % BYTE;  // in bits of bytes of 8; parity has none
      if (WRITE_WIDTH == 0 || WRITE_WIDTH < BYTE && i % BYTE == 8) begin
        assign mask[i] = 0;
        assign word[i] = 0;
      end else if (WRITE_WIDTH < BYTE) begin
        assign mask[i] = write[0] && position / WRITE_WIDTH == SPOT / WRITE_WIDTH;
        assign word[i] = in[SPOT % WRITE_WIDTH];
      end else begin
        assign mask[i] = write[i % WRITE_WIDTH / BYTE]
                         && position / (8 * WRITE_WIDTH / BYTE) == i / WRITE_WIDTH;
        assign word[i] = in[i % WRITE_WIDTH];
      end
    end
  endgenerate

  reg [71:0] value = FIRST_VALUE;
  assign out = value;
  generate
    if (READ_WIDTH) begin : reads
      localparam STEP = READ_WIDTH < BYTE ? READ_WIDTH : 8 * READ_WIDTH / BYTE;
      wire [WORD-1:0] seen = MODE == 1 ? (stored & ~mask) | (word & mask) : stored;
      reg [READ_WIDTH-1:0] part;
      integer spot;
      always @* begin
        part = seen[READ_WIDTH-1:0];
        for (spot = STEP; spot < 8 * WORD / BYTE; spot = spot + STEP)
          if (position / STEP == spot / STEP) part = seen[spot / 8 * BYTE + spot % 8 +: READ_WIDTH];
      end
      wire take = read && !(MODE == 0 && WRITE_WIDTH && |write);
      if (ASYNCHRONOUS) begin
        always @(posedge clk, posedge reset)
          if (reset) value <= RESET_VALUE;
          else if (take) value <= part;
      end else begin
        always @(posedge clk)
          if (reset) value <= RESET_VALUE;
          else if (take) value <= part;
      end
    end
  endgenerate
endmodule
