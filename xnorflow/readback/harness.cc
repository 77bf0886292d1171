// SPDX-License-Identifier: Apache-2.0
//
// Runs configured FPGAs, one in each lane, seen from their pins: a clock, which is common to all, and
// a line to the host, as uart_lines.h or spi_lines.h has it, which stands before this in one file. For
// the functions of xnorflow.readback.serial_lines, which calls it through the C interface below.

namespace {

int64_t cycle;
Lines lines;

void run(int64_t count) {
  came = 0;
  for (; count > 0; --count) {
    lines.drive();
    evaluate();
    lines.look();
    commit();
    ++cycle;
  }
}

}  // namespace

EXPORT int xnorflow_lanes() { return LANES; }

// The boards as they are after configuration, their lines at rest.
EXPORT void xnorflow_start(int64_t bit_cycles) {
  cycles_per_bit = bit_cycles;
  cycle = 0;
  lines = Lines();
  power_up();
}

// Sends bytes to the board of a lane; if its line is at rest, after so many cycles.
EXPORT void xnorflow_send(int lane, const uint8_t *bytes, int64_t count, int64_t delay) {
  lines.send(lane, bytes, count, delay);
}

// Number of bytes that came from all boards in the next so many cycles.
EXPORT int64_t xnorflow_run(int64_t count) {
  lines.select(true);
  run(count);
  return came;
}

// The same, while the host leaves the boards alone.
EXPORT int64_t xnorflow_rest(int64_t count) {
  lines.select(false);
  run(count);
  return came;
}

// The next byte that has come from the board of a lane; -1 if there is none.
EXPORT int xnorflow_take(int lane) {
  std::deque<uint8_t> &bytes = lines.heard(lane);
  if (bytes.empty()) return -1;
  const int byte = bytes.front();
  bytes.pop_front();
  return byte;
}

// Number of bytes that are still to be sent to all boards.
EXPORT int64_t xnorflow_waiting() { return lines.waiting(); }

EXPORT int64_t xnorflow_cycles() { return cycle; }
