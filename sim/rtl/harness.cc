// SPDX-License-Identifier: Apache-2.0
//
// Runs an accelerator that Yosys' CXXRTL turned into C++, for the functions of
// xnorflow.sim.rtl.library, which calls it through the C interface at the end of this file.
//
// It sends beats to s_axis, takes beats from m_axis, and notes the payload and the cycle of every
// beat that moves on any stream of the top module. A beat moves in the cycle at whose end, the
// rising clock edge, valid and ready are both high. Cycle 0 is the first cycle after reset.
//
// XNORFLOW_DESIGN is the name of the generated file. XNORFLOW_TAPS is the name of a file with a line
// TAP(name) for each stream, where underscores are doubled as CXXRTL does. With XNORFLOW_WAVES
// defined the signals can be written to a VCD file; for that the generated file must hold debug
// information. With XNORFLOW_WEIGHTS defined the accelerator has a port through which its weights
// are loaded, before cycle 0.

#include XNORFLOW_DESIGN

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#ifdef XNORFLOW_WAVES
#include <cxxrtl/cxxrtl_vcd.h>
#endif

namespace {

const int RESET_CYCLES = 2;
const uint64_t CYCLE_NS = 10;  // of the waves

enum Status : int { RUNNING = 0, DONE = 1, QUIET = 2, TOO_MANY_BEATS = 3, WRONG_TLAST = 4 };

// The finaliser of MurmurHash3 (A. Appleby, public domain): a bijection that mixes all bits.
uint32_t mix(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return x ^ (x >> 16);
}

// Whether one end of the accelerator pauses, as a function of the seed and the cycle alone.
struct Stalls {
  uint32_t key = 0;
  uint32_t probability = 0;  // of a pause, in 1/256

  bool go(int64_t cycle) const {
    return !probability || (mix(key + static_cast<uint32_t>(cycle)) >> 24) >= probability;
  }
};

template <size_t Bits>
const uint32_t *words(const cxxrtl::value<Bits> &port) { return port.data; }

template <size_t Bits>
const uint32_t *words(const cxxrtl::wire<Bits> &port) { return port.curr.data; }

template <class Port>
bool is_high(const Port &port) { return *words(port) & 1u; }

template <class Port>
constexpr size_t words_in(const Port &) { return (Port::bits + 31) / 32; }

struct Tap {
  const uint32_t *valid;
  const uint32_t *ready;
  const uint32_t *payload;
  size_t words;  // of a payload
  size_t bits;
  int64_t count = 0;
  int64_t expected = 0;
  uint32_t *payloads = nullptr;  // room for `expected` payloads, or null
  int64_t *cycles = nullptr;

  bool moves() const { return *valid & *ready & 1u; }

  void note(int64_t cycle) {
    if (payloads) {
      memcpy(payloads + count * words, payload, words * sizeof(uint32_t));
      cycles[count] = cycle;
    }
    count++;
  }
};

class Simulation {
 public:
  Simulation() {
#define TAP(name) add_tap(top.p_##name##__valid, top.p_##name##__ready, top.p_##name##__payload);
#include XNORFLOW_TAPS
    add_tap(top.p_m__axis__tvalid, top.p_m__axis__tready, top.p_m__axis__tdata);
    reset();
  }

  ~Simulation() { close_waves(); }

  void expect(size_t tap, int64_t beats, uint32_t *payloads, int64_t *cycles) {
    taps[tap].expected = beats;
    taps[tap].payloads = payloads;
    taps[tap].cycles = cycles;
    if (beats) unfinished++;
  }

  // Sends the weights, a word a cycle; whether the accelerator took all, and wants no more.
  bool load(const uint16_t *weights, int64_t count) {
#ifdef XNORFLOW_WEIGHTS
    top.p_s__axis__weights__tvalid.set<bool>(true);
    for (int64_t i = 0; i < count; i++) {
      top.p_s__axis__weights__tdata.set<uint32_t>(weights[i]);
      top.step();
      if (!is_high(top.p_s__axis__weights__tready) || is_high(top.p_weights__loaded)) return false;
      top.p_aclk.set<bool>(true);
      top.step();
      top.p_aclk.set<bool>(false);
    }
    top.p_s__axis__weights__tvalid.set<bool>(false);
    top.step();
    return !is_high(top.p_s__axis__weights__tready) && is_high(top.p_weights__loaded);
#else
    (void)weights;
    return count == 0;
#endif
  }

  int run(int64_t cycles, int64_t quiet_bound) {
    for (; cycles > 0 && status == RUNNING; cycles--) {
      one_cycle();
      if (status == RUNNING && unfinished == 0) status = DONE;
      if (status == RUNNING && cycle - last_move > quiet_bound) status = QUIET;
    }
    flush_waves();
    return status;
  }

  // One more cycle in which neither end pauses: shows who waits for whom.
  void one_free_cycle() {
    source.probability = sink.probability = 0;
    one_cycle();
    flush_waves();
  }

  int state(size_t tap) const { return (*taps[tap].valid & 1u) | (*taps[tap].ready & 1u) << 1; }

  bool open_waves(const char *path) {
#ifdef XNORFLOW_WAVES
    waves = fopen(path, "wb");
    if (!waves) return false;
    vcd.timescale(1, "ns");
    cxxrtl::debug_items items;
    top.debug_info(&items, nullptr, "accelerator ");
    vcd.add_without_memories(items);
    return true;
#else
    (void)path;
    return false;
#endif
  }

  std::vector<Tap> taps;
  const uint32_t *beats = nullptr;  // to send, each in whole words
  int64_t beat_count = 0;
  int64_t output_beats_per_frame = 1;
  Stalls source, sink;
  int64_t cycle = 0;
  int64_t overrun_tap = -1;
  bool write_error = false;

 private:
  template <class Valid, class Ready, class Payload>
  void add_tap(const Valid &valid, const Ready &ready, const Payload &payload) {
    Tap tap = {words(valid), words(ready), words(payload), words_in(payload), Payload::bits};
    taps.push_back(tap);
  }

  // After this the clock is low and all registers have their first values.
  void reset() {
    top.p_aclk.set<bool>(false);
    top.p_aresetn.set<bool>(false);
    top.p_s__axis__tvalid.set<bool>(false);
    top.p_m__axis__tready.set<bool>(false);
#ifdef XNORFLOW_WEIGHTS
    top.p_s__axis__weights__tvalid.set<bool>(false);
#endif
    feed_forward = top.eval();
    top.commit();
    top.step();
    for (int i = 0; i < RESET_CYCLES; i++) {
      top.p_aclk.set<bool>(true);
      top.step();
      top.p_aclk.set<bool>(false);
      top.step();
    }
    top.p_aresetn.set<bool>(true);
  }

  void one_cycle() {
    drive();
    if (feed_forward && !watched()) {
      // Without feedback through wires one evaluation gives all wires of this cycle and, since it
      // sees a rising edge, what the registers take on at its end: half the work of two phases.
      top.p_aclk.set<bool>(true);
      top.prev_p_aclk.set<bool>(false);
      top.eval();
      observe();
      top.commit();
    } else {
      top.p_aclk.set<bool>(false);
      top.step();
      sample(CYCLE_NS * cycle);
      observe();
      top.p_aclk.set<bool>(true);
      top.step();
      sample(CYCLE_NS * cycle + CYCLE_NS / 2);
    }
    cycle++;
  }

  void drive() {
    if (!offering && sent < beat_count) {
      auto &data = top.p_s__axis__tdata.data;
      offering = source.go(cycle);
      memcpy(data, beats + sent * words_in(top.p_s__axis__tdata), sizeof(data));
      // Data without valid mean nothing: nonsense finds a design that looks at them.
      if (!offering) scramble(data);
    }
    top.p_s__axis__tvalid.set<bool>(offering);
    top.p_m__axis__tready.set<bool>(sink.go(cycle));
  }

  static const size_t S_BITS = decltype(cxxrtl_design::p_accelerator::p_s__axis__tdata)::bits;

  static void scramble(uint32_t (&data)[(S_BITS + 31) / 32]) {
    for (uint32_t &word : data) word = ~word;
    if (S_BITS % 32) data[(S_BITS - 1) / 32] &= (1u << (S_BITS % 32)) - 1;
  }

  void observe() {
    for (Tap &tap : taps) {
      if (!tap.moves()) continue;
      last_move = cycle;
      if (tap.count == tap.expected) {
        status = TOO_MANY_BEATS;
        overrun_tap = &tap - taps.data();
        continue;
      }
      tap.note(cycle);
      if (tap.count == tap.expected) unfinished--;
    }
    if (offering && is_high(top.p_s__axis__tready)) {
      offering = false;
      sent++;
    }
    if (is_high(top.p_m__axis__tvalid) && is_high(top.p_m__axis__tready)) check_tlast();
  }

  void check_tlast() {
    bool last = ++output_beat == output_beats_per_frame;
    if (is_high(top.p_m__axis__tlast) != last) status = WRONG_TLAST;
    if (last) output_beat = 0;
  }

#ifdef XNORFLOW_WAVES
  bool watched() const { return waves; }

  void sample(uint64_t time_ns) {
    if (waves) vcd.sample(time_ns);
    if (vcd.buffer.size() > (1u << 20)) flush_waves();
  }

  void flush_waves() {
    if (!waves) return;
    write_error |= fwrite(vcd.buffer.data(), 1, vcd.buffer.size(), waves) != vcd.buffer.size();
    vcd.buffer.clear();
  }

  void close_waves() {
    if (waves) fclose(waves);
  }

  FILE *waves = nullptr;
  cxxrtl::vcd_writer vcd;
#else
  bool watched() const { return false; }
  void sample(uint64_t) {}
  void flush_waves() {}
  void close_waves() {}
#endif

  cxxrtl_design::p_accelerator top;
  bool feed_forward = false;
  bool offering = false;
  int64_t sent = 0;
  int64_t output_beat = 0;
  int64_t last_move = 0;
  size_t unfinished = 0;
  int status = RUNNING;
};

}  // namespace

#if defined(_WIN32)
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

EXPORT Simulation *xnorflow_open() { return new Simulation; }
EXPORT void xnorflow_close(Simulation *s) { delete s; }
EXPORT int64_t xnorflow_width(Simulation *s, int64_t tap) { return s->taps[tap].bits; }
EXPORT void xnorflow_expect(Simulation *s, int64_t tap, int64_t beats, uint32_t *payloads,
                            int64_t *cycles) {
  s->expect(tap, beats, payloads, cycles);
}
EXPORT void xnorflow_send(Simulation *s, const uint32_t *beats, int64_t count,
                          int64_t output_beats_per_frame) {
  s->beats = beats;
  s->beat_count = count;
  s->output_beats_per_frame = output_beats_per_frame;
}
EXPORT int xnorflow_load(Simulation *s, const uint16_t *weights, int64_t count) {
  return s->load(weights, count);
}
EXPORT void xnorflow_stall(Simulation *s, uint32_t source_key, uint32_t source_probability,
                           uint32_t sink_key, uint32_t sink_probability) {
  s->source.key = source_key;
  s->source.probability = source_probability;
  s->sink.key = sink_key;
  s->sink.probability = sink_probability;
}
EXPORT int xnorflow_open_waves(Simulation *s, const char *path) { return s->open_waves(path); }
EXPORT int xnorflow_waves_failed(Simulation *s) { return s->write_error; }
EXPORT int xnorflow_run(Simulation *s, int64_t cycles, int64_t quiet_bound) {
  return s->run(cycles, quiet_bound);
}
EXPORT void xnorflow_one_free_cycle(Simulation *s) { s->one_free_cycle(); }
EXPORT int64_t xnorflow_cycle(Simulation *s) { return s->cycle; }
EXPORT int64_t xnorflow_count(Simulation *s, int64_t tap) { return s->taps[tap].count; }
EXPORT int64_t xnorflow_overrun_tap(Simulation *s) { return s->overrun_tap; }
EXPORT int xnorflow_state(Simulation *s, int64_t tap) { return s->state(tap); }
