// SPDX-License-Identifier: Apache-2.0
//
// What every harness needs that runs a netlist which became code for words of many lanes: words,
// memories, and the state that a netlist begins with. For one source file of a library.

#pragma once

#include "design.h"

#include <cstring>

namespace {

const int LANES = XNORFLOW_LANES;
const int PARTS = LANES / 64;

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

Word &wire(const Port &port, int32_t bit = 0) { return state[port.slots[bit]]; }

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

// The state after configuration.
void power_up() {
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
