// SPDX-License-Identifier: Apache-2.0
//
// Runs a netlist that became code for words of many lanes, for the functions of
// xnorflow.sim.gates.library, which calls it through the C interface at the end of this file.
//
// Every lane is an accelerator of its own with its own data; the clock, the reset, the pauses of
// source and sink are common to all. So are, in a design whose control does not depend on data, the
// handshakes: that is checked in every cycle. A beat moves in the cycle at whose end, the rising
// clock edge, valid and ready are both high. Cycle 0 is the first cycle after reset.

#include "design.h"

#include <cstring>

namespace {

const int RESET_CYCLES = 2;
const int LANES = XNORFLOW_LANES;
const int PARTS = LANES / 64;

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

Word all(bool bit) { return bit ? ~Word{} : Word{}; }

bool any(const Word &word) {
  uint64_t bits = 0;
  for (int part = 0; part < PARTS; part++) bits |= word[part];
  return bits;
}

// The first lane of a word that is not empty.
int first_lane(const Word &word) {
  int part = 0;
  while (!word[part]) part++;
  return 64 * part + __builtin_ctzll(word[part]);
}

bool bit_of(const Word &word, int lane) { return word[lane / 64] >> lane % 64 & 1; }

// The addresses that the lanes hold, one after the other, each with the lanes that hold it: usually
// there is one.
class Addresses {
 public:
  Addresses(const int32_t *slots, int32_t bits) : slots(slots), bits(bits), left(all(true)) {}

  bool next() {
    if (!any(left)) return false;
    int lane = first_lane(left);
    address = 0;
    lanes = left;
    for (int32_t i = 0; i < bits; i++) {
      Word word = state[slots[i]];
      bool high = bit_of(word, lane);
      address |= static_cast<int64_t>(high) << i;
      lanes &= high ? word : ~word;
    }
    left &= ~lanes;
    return true;
  }

  int64_t address;
  Word lanes;

 private:
  const int32_t *slots;
  int32_t bits;
  Word left;
};

int32_t bytes_per_row(const Memory &memory) { return (memory.width + 7) / 8; }

bool stored(const Memory &memory, int64_t row, int32_t bit) {
  return memory.init[row * bytes_per_row(memory) + bit / 8] >> bit % 8 & 1;
}

// The port's data bits lie in slots in a row.
void read_row(const Memory &memory, int64_t row, const Word &lanes, Word *output) {
  if (memory.rows) {
    const Word *source = memory.rows + row * memory.width;
    for (int32_t bit = 0; bit < memory.width; bit++) output[bit] |= source[bit] & lanes;
  } else {
    for (int32_t bit = 0; bit < memory.width; bit++)
      output[bit] |= all(stored(memory, row, bit)) & lanes;
  }
}

int status;
int64_t cycle, last_move;
Stalls source, sink;
const Word *beats;  // to send: a word for each bit of a beat
int64_t beat_count, sent;
bool offering;
int64_t expected, received, output_beats_per_frame, output_beat;
Word *payloads;   // room for `expected` beats
int64_t *cycles;  // of these

Word port(const int32_t *slots) { return state[slots[0]]; }

void drive(const int32_t *slots, bool bit) { state[slots[0]] = all(bit); }

void drive_source() {
  if (!offering && sent < beat_count) {
    offering = source.go(cycle);
    const Word *beat = beats + sent * ports.s_width;
    // Data without valid mean nothing: nonsense finds a design that looks at them.
    for (int32_t bit = 0; bit < ports.s_width; bit++)
      state[ports.s_tdata[bit]] = offering ? beat[bit] : ~beat[bit];
  }
  drive(ports.s_tvalid, offering);
}

// Whether the port is high, which must be so in all lanes or in none.
bool is_high(const int32_t *slots) {
  Word word = port(slots);
  if (any(word) && any(~word)) status = LANES_DIFFER;
  return any(word);
}

void receive() {
  bool last = ++output_beat == output_beats_per_frame;
  if (is_high(ports.m_tlast) != last && status == RUNNING) status = WRONG_TLAST;
  if (last) output_beat = 0;
  last_move = cycle;
  if (received == expected) {
    status = TOO_MANY_BEATS;
    return;
  }
  for (int32_t bit = 0; bit < ports.m_width; bit++)
    payloads[received * ports.m_width + bit] = state[ports.m_tdata[bit]];
  cycles[received++] = cycle;
}

void one_cycle() {
  bool ready = sink.go(cycle);
  drive_source();
  drive(ports.m_tready, ready);
  evaluate();
  if (is_high(ports.s_tready) && offering) {
    offering = false;
    sent++;
    last_move = cycle;
  }
  if (is_high(ports.m_tvalid) && ready) receive();
  commit();
  cycle++;
}

void reset() {
  state[0] = all(false);
  state[1] = all(true);
  first_state();
  for (int32_t i = 0; i < memory_count; i++) {
    Memory &memory = *memories[i];
    if (!memory.rows) continue;
    for (int64_t row = 0; row < memory.size; row++)
      for (int32_t bit = 0; bit < memory.width; bit++)
        memory.rows[row * memory.width + bit] = all(stored(memory, row, bit));
  }
  drive(ports.aresetn, false);
  drive(ports.s_tvalid, false);
  drive(ports.m_tready, false);
  for (int32_t bit = 0; bit < ports.s_width; bit++) drive(ports.s_tdata + bit, false);
  for (int i = 0; i < RESET_CYCLES; i++) {
    evaluate();
    commit();
  }
  drive(ports.aresetn, true);
}

}  // namespace

extern "C" {

void read_memory(const Memory *memory, const int32_t *address, int32_t bits, int32_t output) {
  memset(state + output, 0, memory->width * sizeof(Word));
  for (Addresses each(address, bits); each.next();) {
    int64_t row = each.address - memory->offset;
    if (row >= 0 && row < memory->size) read_row(*memory, row, each.lanes, state + output);
  }
}

void write_memory(Memory *memory, const int32_t *address, int32_t bits, const int32_t *data,
                  const int32_t *enable) {
  Word enabled = all(false);
  for (int32_t bit = 0; bit < memory->width; bit++) enabled |= state[enable[bit]];
  if (!any(enabled)) return;
  for (Addresses each(address, bits); each.next();) {
    int64_t row = each.address - memory->offset;
    if (row < 0 || row >= memory->size) continue;
    Word *target = memory->rows + row * memory->width;
    for (int32_t bit = 0; bit < memory->width; bit++) {
      Word lanes = each.lanes & state[enable[bit]];
      target[bit] = (target[bit] & ~lanes) | (state[data[bit]] & lanes);
    }
  }
}

int is_any(int32_t slot) { return any(state[slot]); }

}  // extern "C"

#if defined(_WIN32)
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

EXPORT const char *xnorflow_facts() { return facts; }

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
EXPORT int32_t xnorflow_s_width() { return ports.s_width; }
EXPORT int32_t xnorflow_m_width() { return ports.m_width; }
