// SPDX-License-Identifier: Apache-2.0
//
// Asynchronous serial lines, one to the board of each lane: 8 data bits, least significant first, and
// 1 stop bit; a bit takes a whole number of clock cycles. For harness.cc, which follows in one file.

#include "runtime.h"

#include <deque>

extern "C" {
extern const Port port_rx_pin, port_tx_pin;
}

namespace {

const int BITS_A_BYTE = 10;

int64_t cycles_per_bit;
int64_t came;  // bytes, since the run began

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

class Lines {
 public:
  void select(bool) {}

  void send(int lane, const uint8_t *bytes, int64_t count, int64_t delay) {
    senders_[lane].send(bytes, count, delay);
  }

  // The levels of all lines in the next cycle.
  void drive() {
    Word levels{};
    for (int lane = 0; lane < LANES; ++lane)
      levels[lane / 64] |= uint64_t(senders_[lane].level()) << lane % 64;
    wire(port_rx_pin) = levels;
  }

  // Looks at what the boards make of a cycle.
  void look() {
    const Word answer = wire(port_tx_pin);
    for (int lane = 0; lane < LANES; ++lane) receivers_[lane].look(bit_of(answer, lane));
  }

  std::deque<uint8_t> &heard(int lane) { return receivers_[lane].bytes; }

  int64_t waiting() const {
    int64_t count = 0;
    for (const Sender &sender : senders_) count += sender.waiting();
    return count;
  }

 private:
  Sender senders_[LANES];
  Receiver receivers_[LANES];
};

}  // namespace
