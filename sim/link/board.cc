// SPDX-License-Identifier: Apache-2.0
//
// Runs a linked accelerator that Yosys' CXXRTL turned into C++, with the host's end of its line, for
// xnorflow.sim.link.simulator, which calls it through the C interface at the end.
//
// XNORFLOW_DESIGN is the name of the generated file, XNORFLOW_LINE that of the line.

#include XNORFLOW_DESIGN

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

namespace {

const int RESET_CYCLES = 2;
const int RESTING_BITS = 40;  // after so many bit times without a change the board is at rest

template <size_t Bits>
bool is_high(const cxxrtl::value<Bits> &port) { return port.data[0] & 1u; }

template <size_t Bits>
bool is_high(const cxxrtl::wire<Bits> &port) { return port.curr.data[0] & 1u; }

#include XNORFLOW_LINE

class Board {
 public:
  explicit Board(double cycles_per_bit) : line(cycles_per_bit) {
    resting_cycles = static_cast<int64_t>(RESTING_BITS * cycles_per_bit);
    top.p_clk.set<bool>(false);
    line.drive(top, 0);
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

  Line line;
  int64_t cycle = 0;

 private:
  void one_cycle() {
    line.drive(top, cycle);
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
    line.observe(top, cycle);
    if (is_high(top.p_busy) || !line.resting(cycle)) last_change = cycle;
  }

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
  std::deque<uint8_t> &queue = board->line.queue();
  queue.insert(queue.end(), octets, octets + count);
  board->wake();
}
EXPORT int board_sending(Board *board) { return board->line.sending(); }
EXPORT int board_run(Board *board, int64_t cycles) { return board->run(cycles); }
EXPORT int64_t board_take(Board *board, uint8_t *octets, int64_t room) {
  std::vector<uint8_t> &taken = board->line.taken();
  int64_t count = std::min<int64_t>(room, taken.size());
  std::copy_n(taken.begin(), count, octets);
  taken.erase(taken.begin(), taken.begin() + count);
  return count;
}
EXPORT int64_t board_cycle(Board *board) { return board->cycle; }
