// SPDX-License-Identifier: Apache-2.0
//
// Runs configured FPGAs, one in each lane, seen from their pins: a clock, which is common to all, a
// serial line in, a serial line out. For the functions of xnorflow.readback.serial_lines, which
// calls it through the C interface at the end of this file.
//
// The serial lines carry 8 data bits, least significant first, and 1 stop bit; a bit takes a whole
// number of clock cycles.

#include "runtime.h"

#include <deque>

extern "C" {
extern const Port port_rx_pin, port_tx_pin;
}

namespace {

const int BITS_A_BYTE = 10;

int64_t cycles_per_bit, cycle;
int64_t came;  // bytes, since the run began

Word &wire(const Port &port) { return state[port.slots[0]]; }

// What goes from the host to a board.
class Sender {
 public:
  void send(const uint8_t *bytes, int64_t count, int64_t delay) {
    if (!bits_ && queue_.empty()) wait_ = delay;
    queue_.insert(queue_.end(), bytes, bytes + count);
  }

  int64_t waiting() const { return queue_.size(); }

  // The level of the line in the next cycle.
  bool level() {
    if (wait_ > 0) {
      --wait_;
      return level_;
    }
    if (!bits_ && !queue_.empty()) {
      frame_ = unsigned(queue_.front()) << 1 | 0x200;
      queue_.pop_front();
      bits_ = BITS_A_BYTE;
    }
    if (!bits_) return true;
    level_ = frame_ & 1;
    frame_ >>= 1;
    --bits_;
    wait_ = cycles_per_bit - 1;
    return level_;
  }

 private:
  std::deque<uint8_t> queue_;
  unsigned frame_ = 0;  // the byte on the line, with its start and stop bits
  int bits_ = 0;        // of it that are left
  int64_t wait_ = 0;    // cycles until the next one
  bool level_ = true;
};

// What comes from a board to the host.
class Receiver {
 public:
  std::deque<uint8_t> bytes;

  void look(bool level) {
    if (!receiving_) {
      if (level) return;
      receiving_ = true;
      until_sample_ = cycles_per_bit + cycles_per_bit / 2;
      position_ = byte_ = 0;
      return;
    }
    if (--until_sample_ > 0) return;
    until_sample_ = cycles_per_bit;
    if (position_ < 8) {
      byte_ |= level << position_++;
      return;
    }
    receiving_ = false;
    bytes.push_back(byte_);
    ++came;
  }

 private:
  bool receiving_ = false;
  int64_t until_sample_ = 0;
  int position_ = 0;
  unsigned byte_ = 0;
};

Sender senders[LANES];
Receiver receivers[LANES];

void one_cycle() {
  Word levels{};
  for (int lane = 0; lane < LANES; ++lane)
    levels[lane / 64] |= uint64_t(senders[lane].level()) << lane % 64;
  wire(port_rx_pin) = levels;
  evaluate();
  const Word answer = wire(port_tx_pin);
  for (int lane = 0; lane < LANES; ++lane) receivers[lane].look(bit_of(answer, lane));
  commit();
  ++cycle;
}

}  // namespace

EXPORT int xnorflow_lanes() { return LANES; }

// The boards as they are after configuration, their lines at rest.
EXPORT void xnorflow_start(int64_t bit_cycles) {
  cycles_per_bit = bit_cycles;
  cycle = 0;
  for (int lane = 0; lane < LANES; ++lane) {
    senders[lane] = Sender();
    receivers[lane] = Receiver();
  }
  power_up();
}

// Sends bytes to the board of a lane; if its line is at rest, after so many cycles.
EXPORT void xnorflow_send(int lane, const uint8_t *bytes, int64_t count, int64_t delay) {
  senders[lane].send(bytes, count, delay);
}

// Number of bytes that came from all boards in the next so many cycles.
EXPORT int64_t xnorflow_run(int64_t count) {
  came = 0;
  for (; count > 0; --count) one_cycle();
  return came;
}

// The next byte that has come from the board of a lane; -1 if there is none.
EXPORT int xnorflow_take(int lane) {
  std::deque<uint8_t> &bytes = receivers[lane].bytes;
  if (bytes.empty()) return -1;
  const int byte = bytes.front();
  bytes.pop_front();
  return byte;
}

// Number of bytes that are still to be sent to all boards.
EXPORT int64_t xnorflow_waiting() {
  int64_t count = 0;
  for (const Sender &sender : senders) count += sender.waiting();
  return count;
}

EXPORT int64_t xnorflow_cycles() { return cycle; }
