// SPDX-License-Identifier: Apache-2.0
//
// Clock for testbench.v where Verilator has compiled it.

#include "Vtestbench.h"
#include "verilated.h"

int main(int argc, char **argv) {
  VerilatedContext context;
  context.commandArgs(argc, argv);
  Vtestbench top(&context);
  while (!context.gotFinish()) {
    top.clock = 0;
    top.eval();
    top.clock = 1;
    top.eval();
  }
  top.final();
  return 0;
}
