// SPDX-License-Identifier: Apache-2.0
//
// A UART at the line of the design that board.cc runs, which includes it.

const int FRAME_BITS = 10;  // of a byte on the line: start, data, stop

// Sends bytes to the device: 8 data bits, no parity, 1 stop bit.
class Sender {
 public:
  explicit Sender(double cycles_per_bit) : cycles_per_bit(cycles_per_bit) {}

  bool level(int64_t cycle) {
    if (cycle < next_change) return line;
    if (bits_left == 0) {
      if (queue.empty()) return line = true;
      shift = (1u << 9) | (queue.front() << 1);
      queue.pop_front();
      bits_left = FRAME_BITS;
      // Where bytes follow each other, bits of a fractional length do so too.
      next_change = std::max(next_change, cycle - 1.0);
    }
    line = shift & 1;
    shift >>= 1;
    bits_left--;
    next_change += cycles_per_bit;
    return line;
  }

  bool resting(int64_t cycle) const {
    return bits_left == 0 && queue.empty() && cycle >= next_change;
  }

  std::deque<uint8_t> queue;

 private:
  double cycles_per_bit;
  double next_change = 0;
  unsigned shift = 0;
  int bits_left = 0;
  bool line = true;
};

// Takes bytes from the device; one without its stop bit is lost.
class Taker {
 public:
  explicit Taker(double cycles_per_bit) : cycles_per_bit(cycles_per_bit) {}

  void look(bool line, int64_t cycle) {
    if (bit < 0) {
      if (was_high && !line) {
        bit = 0;
        next_sample = cycle + 1.5 * cycles_per_bit;
      }
    } else if (cycle >= next_sample) {
      if (bit < 8) {
        value = (value >> 1) | (line ? 0x80 : 0);
      } else if (line) {
        taken.push_back(value);
      }
      bit = bit < 8 ? bit + 1 : -1;
      next_sample += cycles_per_bit;
    }
    was_high = line;
  }

  bool resting() const { return bit < 0; }

  std::vector<uint8_t> taken;

 private:
  double cycles_per_bit;
  double next_sample = 0;
  int bit = -1;
  uint8_t value = 0;
  bool was_high = false;
};

class Line {
 public:
  explicit Line(double cycles_per_bit) : sender(cycles_per_bit), taker(cycles_per_bit) {}

  template <class Top>
  void drive(Top &top, int64_t cycle) {
    top.p_rx.template set<bool>(sender.level(cycle));
  }

  template <class Top>
  void observe(const Top &top, int64_t cycle) {
    taker.look(is_high(top.p_tx), cycle);
  }

  bool sending() const { return !sender.queue.empty(); }
  bool resting(int64_t cycle) const { return taker.resting() && sender.resting(cycle); }
  std::deque<uint8_t> &queue() { return sender.queue; }
  std::vector<uint8_t> &taken() { return taker.taken; }

 private:
  Sender sender;
  Taker taker;
};
