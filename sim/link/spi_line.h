// SPDX-License-Identifier: Apache-2.0
//
// An SPI controller at the line of the design that board.cc runs, which includes it.

const double PHASE_STEP = 0.6180339887;  // of a cycle, from transfer to transfer

// Exchanges what is queued in one transfer: mode 0, 8 bits, most significant bit first. A change at
// a time between two rising edges of the design's clock is seen by the later one.
class Line {
 public:
  explicit Line(double cycles_per_bit) : half(cycles_per_bit / 2) {}

  template <class Top>
  void drive(Top &top, int64_t cycle) {
    if (cycle >= next_change) change(cycle);
    top.p_sck.template set<bool>(sck);
    top.p_cs__n.template set<bool>(!selected);
    top.p_copi.template set<bool>(queued.empty() ? true : queued.front() >> (7 - place) & 1);
  }

  template <class Top>
  void observe(const Top &top, int64_t) {
    if (rises) value = static_cast<uint8_t>(value << 1 | is_high(top.p_cipo));
    rises = false;
  }

  bool sending() const { return selected || !queued.empty(); }
  bool resting(int64_t) const { return !sending(); }
  std::deque<uint8_t> &queue() { return queued; }
  std::vector<uint8_t> &taken() { return received; }

 private:
  void change(int64_t cycle) {
    if (!selected) {
      if (queued.empty()) return;
      selected = true;
      phase += PHASE_STEP - (phase + PHASE_STEP >= 1);
      next_change = cycle + phase + 2 * half;
    } else if (queued.empty()) {
      selected = false;
      next_change = cycle + 2 * half;
    } else {
      sck = rises = !sck;
      next_change += half;
      if (!sck) bit_ends();
    }
  }

  void bit_ends() {
    place = (place + 1) % 8;
    if (place) return;
    received.push_back(value);
    queued.pop_front();
  }

  std::deque<uint8_t> queued;
  std::vector<uint8_t> received;
  double half;
  double next_change = 0;
  double phase = 0;
  bool selected = false;
  bool sck = false;
  bool rises = false;
  int place = 0;
  uint8_t value = 0;
};
