// SPDX-License-Identifier: Apache-2.0
//
// Runs a netlist that became code for words of many lanes, for the functions of
// xnorflow.sim.gates.library, which calls it through the C interface at the end of this file.
//
// Every lane is an accelerator of its own with its own data; the clock, the reset, the pauses of
// source and sink are common to all. So are, in a design whose control does not depend on data, the
// handshakes: that is checked in every cycle. A beat moves in the cycle at whose end, the rising
// clock edge, valid and ready are both high. Cycle 0 is the first cycle after reset.

#include "runtime.h"

extern "C" {
extern const Port port_aresetn, port_s_axis_tdata, port_s_axis_tvalid, port_s_axis_tready;
extern const Port port_m_axis_tdata, port_m_axis_tvalid, port_m_axis_tready, port_m_axis_tlast;
// Of no width where no weights are loaded.
extern const Port port_s_axis_weights_tdata, port_s_axis_weights_tvalid;
extern const Port port_s_axis_weights_tready, port_weights_loaded;
}

namespace {

const int RESET_CYCLES = 2;

enum Status : int {
  RUNNING = 0,
  DONE = 1,
  QUIET = 2,
  TOO_MANY_BEATS = 3,
  WRONG_TLAST = 4,
  LANES_DIFFER = 5,
};

// The finaliser of MurmurHash3 (A. Appleby, public domain): a bijection that mixes all bits.
uint32_t mix(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return x ^ (x >> 16);
}

// Whether one end of the accelerator pauses, as a function of the seed and the cycle alone.
struct Stalls {
  uint32_t key;
  uint32_t probability;  // of a pause, in 1/256

  bool go(int64_t cycle) const {
    return !probability || (mix(key + static_cast<uint32_t>(cycle)) >> 24) >= probability;
  }
};

int status;
int64_t cycle, last_move;
Stalls source, sink;
const Word *beats;  // to send: a word for each bit of a beat
int64_t beat_count, sent;
bool offering;
int64_t expected, received, output_beats_per_frame, output_beat;
Word *payloads;   // room for `expected` beats
int64_t *cycles;  // of these

void drive(const Port &port, bool bit) { wire(port) = all(bit); }

void drive_source() {
  if (!offering && sent < beat_count) {
    offering = source.go(cycle);
    const Word *beat = beats + sent * port_s_axis_tdata.width;
    // Data without valid mean nothing: nonsense finds a design that looks at them.
    for (int32_t bit = 0; bit < port_s_axis_tdata.width; bit++)
      wire(port_s_axis_tdata, bit) = offering ? beat[bit] : ~beat[bit];
  }
  drive(port_s_axis_tvalid, offering);
}

// Whether the port is high, which must be so in all lanes or in none.
bool is_high(const Port &port) {
  Word word = wire(port);
  if (any(word) && any(~word)) status = LANES_DIFFER;
  return any(word);
}

void receive() {
  bool last = ++output_beat == output_beats_per_frame;
  if (is_high(port_m_axis_tlast) != last && status == RUNNING) status = WRONG_TLAST;
  if (last) output_beat = 0;
  last_move = cycle;
  if (received == expected) {
    status = TOO_MANY_BEATS;
    return;
  }
  for (int32_t bit = 0; bit < port_m_axis_tdata.width; bit++)
    payloads[received * port_m_axis_tdata.width + bit] = wire(port_m_axis_tdata, bit);
  cycles[received++] = cycle;
}

void one_cycle() {
  bool ready = sink.go(cycle);
  drive_source();
  drive(port_m_axis_tready, ready);
  evaluate();
  if (is_high(port_s_axis_tready) && offering) {
    offering = false;
    sent++;
    last_move = cycle;
  }
  if (is_high(port_m_axis_tvalid) && ready) receive();
  commit();
  cycle++;
}

void reset() {
  power_up();
  drive(port_aresetn, false);
  drive(port_s_axis_tvalid, false);
  drive(port_m_axis_tready, false);
  for (int32_t bit = 0; bit < port_s_axis_tdata.width; bit++)
    wire(port_s_axis_tdata, bit) = all(false);
  if (port_s_axis_weights_tvalid.width) drive(port_s_axis_weights_tvalid, false);
  for (int i = 0; i < RESET_CYCLES; i++) {
    evaluate();
    commit();
  }
  drive(port_aresetn, true);
}

// Sends the weights, a word a cycle, the same to all lanes; whether all were taken, and no more are
// wanted.
bool load(const uint16_t *weights, int64_t count) {
  if (!port_s_axis_weights_tvalid.width) return count == 0;
  for (int64_t i = 0; i < count; i++) {
    drive(port_s_axis_weights_tvalid, true);
    for (int32_t bit = 0; bit < port_s_axis_weights_tdata.width; bit++)
      wire(port_s_axis_weights_tdata, bit) = all(weights[i] >> bit & 1);
    evaluate();
    if (!is_high(port_s_axis_weights_tready) || is_high(port_weights_loaded)) return false;
    commit();
  }
  drive(port_s_axis_weights_tvalid, false);
  evaluate();
  return !is_high(port_s_axis_weights_tready) && is_high(port_weights_loaded);
}

}  // namespace

// Buffers must live until the last run, and be aligned as words are.
EXPORT void xnorflow_start(const Word *to_send, int64_t send_count, Word *received_payloads,
                           int64_t *received_cycles, int64_t receive_count,
                           int64_t beats_per_frame, uint32_t source_key,
                           uint32_t source_probability, uint32_t sink_key,
                           uint32_t sink_probability) {
  beats = to_send;
  beat_count = send_count;
  payloads = received_payloads;
  cycles = received_cycles;
  expected = receive_count;
  output_beats_per_frame = beats_per_frame;
  source = {source_key, source_probability};
  sink = {sink_key, sink_probability};
  status = RUNNING;
  offering = false;
  cycle = last_move = sent = received = output_beat = 0;
  reset();
}

// Once, before the first run.
EXPORT int xnorflow_load(const uint16_t *weights, int64_t count) { return load(weights, count); }

EXPORT int xnorflow_run(int64_t count, int64_t quiet_bound) {
  for (; count > 0 && status == RUNNING; count--) {
    one_cycle();
    if (status == RUNNING && received == expected && sent == beat_count) status = DONE;
    if (status == RUNNING && cycle - last_move > quiet_bound) status = QUIET;
  }
  return status;
}

EXPORT int64_t xnorflow_cycle() { return cycle; }
EXPORT int64_t xnorflow_sent() { return sent; }
EXPORT int64_t xnorflow_received() { return received; }
EXPORT int32_t xnorflow_s_width() { return port_s_axis_tdata.width; }
EXPORT int32_t xnorflow_m_width() { return port_m_axis_tdata.width; }
