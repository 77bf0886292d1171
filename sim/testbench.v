// SPDX-License-Identifier: Apache-2.0
//
// Runs an accelerator in a Verilog simulator as the RTL engine runs it: the same beats, the same
// pauses (see xnorflow.sim.stalls), the same two cycles of reset, hence the same cycles.
//
// Macros: S_BITS, M_BITS: widths of s_axis_tdata and m_axis_tdata; WEIGHTS, where weights are loaded,
// before cycle 0: how many words, which are in weights.mem.
// Plus arguments:
//   +beats=FILE            beats to send, one a line, hexadecimal
//   +output=FILE           gets a line "cycle tlast tdata" for each beat that leaves
//   +sent=N +received=N    how many of each there are
//   +max_cycles=N          cycles after which to stop in any case
//   +source_key=N +source_probability=N +sink_key=N +sink_probability=N
`timescale 1ns / 1ns

module testbench (
    input clock
);
  reg aresetn = 0;
  reg [`S_BITS-1:0] s_axis_tdata = 0;
  reg s_axis_tvalid = 0;
  wire s_axis_tready;
  wire [`M_BITS-1:0] m_axis_tdata;
  wire m_axis_tvalid;
  reg m_axis_tready = 0;
  wire m_axis_tlast;

`ifdef WEIGHTS
  reg [15:0] weights[0:`WEIGHTS-1];
  reg [31:0] weights_sent = 0;
  reg weights_tvalid = 0;
  wire weights_tready, weights_loaded;
  initial $readmemh("weights.mem", weights);
`endif

  accelerator dut (
`ifdef WEIGHTS
      .s_axis_weights_tdata(weights[weights_sent]),
      .s_axis_weights_tvalid(weights_tvalid),
      .s_axis_weights_tready(weights_tready),
      .weights_loaded(weights_loaded),
`endif
      .aclk(clock),
      .aresetn(aresetn),
      .s_axis_tdata(s_axis_tdata),
      .s_axis_tvalid(s_axis_tvalid),
      .s_axis_tready(s_axis_tready),
      .m_axis_tdata(m_axis_tdata),
      .m_axis_tvalid(m_axis_tvalid),
      .m_axis_tready(m_axis_tready),
      .m_axis_tlast(m_axis_tlast)
  );

  // The finaliser of MurmurHash3.
  function [31:0] mix(input [31:0] x);
    reg [31:0] y;
    begin
      y = (x ^ (x >> 16)) * 32'h85ebca6b;
      y = (y ^ (y >> 13)) * 32'hc2b2ae35;
      mix = y ^ (y >> 16);
    end
  endfunction

  function go(input [31:0] key, input [31:0] probability, input [31:0] at);
    reg [31:0] draw;
    begin
      draw = mix(key + at);
      go = {24'b0, draw[31:24]} >= probability;
    end
  endfunction

  reg [8191:0] beats_name, output_name;
  integer beats_file, output_file, file, items;
  reg [31:0] to_send, to_receive, max_cycles;
  reg [31:0] source_key, source_probability, sink_key, sink_probability;

  initial begin
    items = $value$plusargs("beats=%s", beats_name);
    items = $value$plusargs("output=%s", output_name);
    items = $value$plusargs("sent=%d", to_send);
    items = $value$plusargs("received=%d", to_receive);
    items = $value$plusargs("max_cycles=%d", max_cycles);
    items = $value$plusargs("source_key=%d", source_key);
    items = $value$plusargs("source_probability=%d", source_probability);
    items = $value$plusargs("sink_key=%d", sink_key);
    items = $value$plusargs("sink_probability=%d", sink_probability);
    beats_file = $fopen(beats_name, "r");
    output_file = $fopen(output_name, "w");
  end

  reg [1:0] reset_cycles = 2;
  reg [31:0] cycle = 0;  // the one at whose end the block below runs
  reg [31:0] received = 0;
  reg [`S_BITS-1:0] beat = 0;  // the next to offer
  reg have_beat = 0;
  reg source_goes;

  // What both ends do in cycle `at`.
  task drive(input [31:0] at, input may_offer);
    begin
      if (may_offer) begin
        if (!have_beat && to_send != 0) begin
          file = beats_file;  // a variable that $fscanf reads from is lost in Verilator 5.006
          items = $fscanf(file, "%h", beat);
          have_beat = 1;
          to_send = to_send - 1;
        end
        source_goes = have_beat && go(source_key, source_probability, at);
        s_axis_tvalid <= source_goes;
        if (have_beat) s_axis_tdata <= source_goes ? beat : ~beat;
        if (source_goes) have_beat = 0;
      end
      m_axis_tready <= go(sink_key, sink_probability, at);
    end
  endtask

  task stop;
    begin
      $fclose(output_file);
      $finish;
    end
  endtask

  always @(posedge clock) begin
    if (reset_cycles != 0) begin
      reset_cycles = reset_cycles - 1;
      if (reset_cycles == 0) begin
        aresetn <= 1;
`ifdef WEIGHTS
        weights_tvalid <= 1;
`else
        drive(0, 1'b1);
`endif
      end
`ifdef WEIGHTS
    end else if (weights_tvalid) begin
      if (!weights_tready || weights_loaded) stop;
      weights_sent <= weights_sent + 1;
      if (weights_sent == `WEIGHTS - 1) begin
        weights_tvalid <= 0;
        drive(0, 1'b1);
      end
`endif
    end else begin
      if (m_axis_tvalid && m_axis_tready) begin
        $fwrite(output_file, "%0d %b %h\n", cycle, m_axis_tlast, m_axis_tdata);
        received = received + 1;
      end
      drive(cycle + 1, !s_axis_tvalid || s_axis_tready);
      cycle = cycle + 1;
      if (received == to_receive || cycle == max_cycles) stop;
    end
  end
endmodule

`ifndef VERILATOR
module clocked_testbench;
  reg clock = 0;
  always #5 clock = ~clock;
  testbench bench (.clock(clock));
endmodule
`endif
