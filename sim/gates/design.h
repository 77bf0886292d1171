// SPDX-License-Identifier: Apache-2.0
//
// What the code that is generated from a netlist and the harness that runs it know of each other.
//
// A word holds one bit of every lane. The state of the netlist is an array of words, its slots; slot
// 0 holds zeros and slot 1 ones.

#pragma once

#include <cstdint>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

typedef uint64_t Word __attribute__((vector_size(XNORFLOW_LANES / 8)));

#if defined(__AVX512F__) && XNORFLOW_LANES == 512
#define MUX(s, a, b) \
  ((Word)_mm512_ternarylogic_epi64((__m512i)(s), (__m512i)(a), (__m512i)(b), 0xAC))
#else
#define MUX(s, a, b) (((a) & ~(s)) | ((b) & (s)))
#endif

// A memory that is never written keeps a bit of each bit, any other a word of each bit.
struct Memory {
  int32_t size;    // rows
  int32_t width;   // bits of a row
  int32_t offset;  // address of the first row
  const uint8_t *init;  // rows of whole bytes, least significant first
  Word *rows;           // null if it is never written
};

// The slots of a port's bits, least significant first.
struct Port {
  const int32_t *slots;
  int32_t width;
};

extern "C" {
// Of the design, which has a Port port_NAME for each port but the clock.
extern Word state[];
extern const int32_t memory_count;
extern Memory *const memories[];
extern const char *const facts;
void first_state();  // of the flip-flops
void evaluate();     // all gates and reads of this cycle
void commit();       // its rising clock edge

// Of the harness.
void read_memory(const Memory *memory, const int32_t *address, int32_t bits, int32_t output);
void write_memory(Memory *memory, const int32_t *address, int32_t bits, const int32_t *data,
                  const int32_t *enable);
int is_any(int32_t slot);
}
