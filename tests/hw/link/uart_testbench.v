// SPDX-License-Identifier: Apache-2.0
// Sends the bytes of the file +octets to a linked accelerator, prints those that come back.
`timescale 1ns / 1ns

module uart_testbench;
  localparam BIT = 4;  // cycles
  reg clk = 0, rst = 1, rx = 1;
  wire tx, busy;
  integer file, octet, sent_bit, got_bit, quiet;
  reg [7:0] got;
  reg [1023:0] path;

  linked_accelerator dut (.clk(clk), .rst(rst), .rx(rx), .tx(tx), .busy(busy));
  always #1 clk = ~clk;

  initial begin
    if (!$value$plusargs("octets=%s", path)) $finish;
    file = $fopen(path, "r");
    repeat (4) @(posedge clk);
    #1 rst = 0;
    repeat (8) @(posedge clk);
    while ($fscanf(file, "%x", octet) == 1) begin
      rx <= 0;
      repeat (BIT) @(posedge clk);
      for (sent_bit = 0; sent_bit < 8; sent_bit = sent_bit + 1) begin
        rx <= octet[sent_bit];
        repeat (BIT) @(posedge clk);
      end
      rx <= 1;
      repeat (BIT) @(posedge clk);
    end
    quiet = 0;
    while (quiet < 100 * BIT) begin
      @(posedge clk) quiet = busy || !tx ? 0 : quiet + 1;
    end
    $finish;
  end

  always begin
    @(negedge tx);
    repeat (BIT / 2) @(posedge clk);
    for (got_bit = 0; got_bit < 8; got_bit = got_bit + 1) begin
      repeat (BIT) @(posedge clk);
      got[got_bit] = tx;
    end
    repeat (BIT) @(posedge clk);
    $display("octet %x %b", got, tx);
  end
endmodule
