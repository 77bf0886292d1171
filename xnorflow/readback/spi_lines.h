// SPDX-License-Identifier: Apache-2.0
//
// SPI to the board of each lane: mode 0, 8 bits, most significant bit first, in one long transfer. Its
// clock is common to all boards; a period takes an even number of clock cycles. For harness.cc, which
// follows in one file.

#include "runtime.h"

#include <deque>

extern "C" {
extern const Port port_sck_pin, port_cs_n_pin, port_copi_pin, port_cipo_pin;
}

namespace {

const uint8_t FLAG = 0x7e;    // from a host that has nothing to say: an empty frame
const uint8_t FILLER = 0xff;  // from a board that has nothing to say
const int BITS_A_BYTE = 8;

int64_t cycles_per_bit;
int64_t came;  // bytes, since the run began

class Lines {
 public:
  // Whether there is a transfer; if not, SCK stands still.
  void select(bool selected) { selected_ = selected; }

  void send(int lane, const uint8_t *bytes, int64_t count, int64_t delay) {
    std::deque<uint8_t> &queue = queues_[lane];
    queue.insert(queue.end(), delay / (BITS_A_BYTE * cycles_per_bit), FLAG);
    queue.insert(queue.end(), bytes, bytes + count);
  }

  void drive() {
    Word levels{};
    for (int lane = 0; lane < LANES; ++lane)
      levels[lane / 64] |= uint64_t(next(lane) >> (7 - place_) & 1) << lane % 64;
    wire(port_copi_pin) = levels;
    wire(port_sck_pin) = all(is_high());
    wire(port_cs_n_pin) = all(!selected_);
  }

  // Looks at the boards as SCK rises.
  void look() {
    if (!selected_) return;
    if (2 * step_ == cycles_per_bit) take(wire(port_cipo_pin));
    if (++step_ < cycles_per_bit) return;
    step_ = 0;
    if (++place_ < BITS_A_BYTE) return;
    place_ = 0;
    for (int lane = 0; lane < LANES; ++lane) end_byte(lane);
  }

  std::deque<uint8_t> &heard(int lane) { return heard_[lane]; }

  int64_t waiting() const {
    int64_t count = 0;
    for (const std::deque<uint8_t> &queue : queues_) count += queue.size();
    return count;
  }

 private:
  bool is_high() const { return 2 * step_ >= cycles_per_bit; }

  uint8_t next(int lane) const { return queues_[lane].empty() ? FLAG : queues_[lane].front(); }

  void take(const Word &bits) {
    for (int lane = 0; lane < LANES; ++lane)
      bytes_[lane] = uint8_t(bytes_[lane] << 1 | bit_of(bits, lane));
  }

  void end_byte(int lane) {
    if (!queues_[lane].empty()) queues_[lane].pop_front();
    if (bytes_[lane] == FILLER) return;
    heard_[lane].push_back(bytes_[lane]);
    ++came;
  }

  std::deque<uint8_t> queues_[LANES], heard_[LANES];
  uint8_t bytes_[LANES] = {};  // that are coming
  bool selected_ = false;
  int64_t step_ = 0;  // cycles of the bit on the line
  int place_ = 0;     // of it in its byte
};

}  // namespace
