// SPDX-License-Identifier: Apache-2.0
//
// Runs a linked accelerator that Yosys' CXXRTL turned into C++, with a UART at its line, for the
// functions of xnorflow.sim.link.library, which calls it through the C interface at the end.
//
// XNORFLOW_DESIGN is the name of the generated file.

#include XNORFLOW_DESIGN

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

namespace {

const int RESET_CYCLES = 2;
const int FRAME_BITS = 10;    // of a byte on the line: start, data, stop
const int RESTING_BITS = 40;  // after so many bit times without a change the board is at rest

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

class Board {
 public:
  explicit Board(double cycles_per_bit) : sender(cycles_per_bit), taker(cycles_per_bit) {
    resting_cycles = static_cast<int64_t>(RESTING_BITS * cycles_per_bit);
    top.p_clk.set<bool>(false);
    top.p_rx.set<bool>(true);
    top.p_rst.set<bool>(true);
    feed_forward = top.eval();
    top.commit();
    top.step();
    reset();
  }

  void reset() {
    top.p_rst.set<bool>(true);
    for (int i = 0; i < RESET_CYCLES; i++) one_cycle();
    top.p_rst.set<bool>(false);
  }

  // Runs at most so many cycles; gives whether the board is at rest.
  bool run(int64_t cycles) {
    for (; cycles > 0 && cycle - last_change <= resting_cycles; cycles--) one_cycle();
    return cycle - last_change > resting_cycles;
  }

  void wake() { last_change = cycle; }

  Sender sender;
  Taker taker;
  int64_t cycle = 0;

 private:
  void one_cycle() {
    top.p_rx.set<bool>(sender.level(cycle));
    if (feed_forward) {
      // Without feedback through wires one evaluation gives all wires and what registers take on.
      top.p_clk.set<bool>(true);
      top.prev_p_clk.set<bool>(false);
      top.eval();
      observe();
      top.commit();
    } else {
      top.p_clk.set<bool>(false);
      top.step();
      observe();
      top.p_clk.set<bool>(true);
      top.step();
    }
    cycle++;
  }

  void observe() {
    taker.look(is_high(top.p_tx), cycle);
    if (is_high(top.p_busy) || !taker.resting() || !sender.resting(cycle)) last_change = cycle;
  }

  template <size_t Bits>
  static bool is_high(const cxxrtl::value<Bits> &port) { return port.data[0] & 1u; }

  template <size_t Bits>
  static bool is_high(const cxxrtl::wire<Bits> &port) { return port.curr.data[0] & 1u; }

  cxxrtl_design::p_linked__accelerator top;
  bool feed_forward = false;
  int64_t last_change = 0;
  int64_t resting_cycles = 0;
};

}  // namespace

#if defined(_WIN32)
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

EXPORT Board *board_open(double cycles_per_bit) { return new Board(cycles_per_bit); }
EXPORT void board_close(Board *board) { delete board; }
EXPORT void board_reset(Board *board) { board->reset(); }
EXPORT void board_send(Board *board, const uint8_t *octets, int64_t count) {
  board->sender.queue.insert(board->sender.queue.end(), octets, octets + count);
  board->wake();
}
EXPORT int board_sending(Board *board) { return !board->sender.queue.empty(); }
EXPORT int board_run(Board *board, int64_t cycles) { return board->run(cycles); }
EXPORT int64_t board_take(Board *board, uint8_t *octets, int64_t room) {
  std::vector<uint8_t> &taken = board->taker.taken;
  int64_t count = std::min<int64_t>(room, taken.size());
  std::copy_n(taken.begin(), count, octets);
  taken.erase(taken.begin(), taken.begin() + count);
  return count;
}
EXPORT int64_t board_cycle(Board *board) { return board->cycle; }
