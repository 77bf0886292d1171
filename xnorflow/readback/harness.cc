// SPDX-License-Identifier: Apache-2.0
//
// Runs a configured FPGA that Yosys' CXXRTL turned into C++ (the module `configured` in design.cc),
// seen from its pins: a clock, a serial line in, a serial line out. For the functions of
// xnorflow.readback.serial_line, which calls it through the C interface at the end of this file.
//
// The serial lines carry 8 data bits, least significant first, and 1 stop bit; a bit takes a whole
// number of clock cycles.

#include "design.cc"

#include <cstdint>
#include <deque>

namespace {

class Board {
 public:
  explicit Board(int64_t cycles_per_bit) : cycles_per_bit_(cycles_per_bit) {
    design_.p_rx__pin.template set<bool>(true);
    design_.step();
  }

  void send(const uint8_t *bytes, int64_t count) { queue_.insert(queue_.end(), bytes, bytes + count); }

  // Takes the byte that comes next; -1 if none comes within so many cycles.
  int take(int64_t limit) {
    for (int64_t cycle = 0; cycle < limit; ++cycle) {
      speak();
      clock();
      if (listen()) return byte_;
    }
    return -1;
  }

  int64_t cycles() const { return cycles_; }

 private:
  void clock() {
    design_.p_clk__pin.template set<bool>(false);
    design_.step();
    design_.p_clk__pin.template set<bool>(true);
    design_.step();
    ++cycles_;
  }

  // Puts the next bit of what is to be sent on the line, when its time has come.
  void speak() {
    if (left_-- > 0) return;
    if (bits_ == 0 && !queue_.empty()) {
      frame_ = (unsigned(queue_.front()) << 1) | 0x200;
      queue_.pop_front();
      bits_ = 10;
    }
    if (bits_ == 0) {
      left_ = 0;
      return;
    }
    design_.p_rx__pin.template set<bool>(frame_ & 1);
    frame_ >>= 1;
    --bits_;
    left_ = cycles_per_bit_ - 1;
  }

  // Whether a byte has come; it is in byte_ then.
  bool listen() {
    const bool level = design_.p_tx__pin.template get<bool>();
    if (!receiving_) {
      if (!level) {
        receiving_ = true;
        until_sample_ = cycles_per_bit_ + cycles_per_bit_ / 2;
        position_ = 0;
        byte_ = 0;
      }
      return false;
    }
    if (--until_sample_ > 0) return false;
    until_sample_ = cycles_per_bit_;
    if (position_ < 8) {
      byte_ |= uint8_t(level) << position_++;
      return false;
    }
    receiving_ = false;
    return true;
  }

  cxxrtl_design::p_configured design_;
  int64_t cycles_per_bit_;
  int64_t cycles_ = 0;

  std::deque<uint8_t> queue_;  // to be sent
  unsigned frame_ = 0;         // the byte on the line, with its start and stop bits
  int bits_ = 0;               // of it that are left
  int64_t left_ = 0;           // cycles of the bit on the line

  bool receiving_ = false;
  int64_t until_sample_ = 0;
  int position_ = 0;
  uint8_t byte_ = 0;
};

}  // namespace

#define API extern "C" __attribute__((visibility("default")))

API void *xnorflow_open(int64_t cycles_per_bit) { return new Board(cycles_per_bit); }

API void xnorflow_close(void *board) { delete static_cast<Board *>(board); }

API void xnorflow_send(void *board, const uint8_t *bytes, int64_t count) {
  static_cast<Board *>(board)->send(bytes, count);
}

API int xnorflow_take(void *board, int64_t limit) { return static_cast<Board *>(board)->take(limit); }

API int64_t xnorflow_cycles(void *board) { return static_cast<Board *>(board)->cycles(); }
