# SPDX-License-Identifier: Apache-2.0
"""A folded layer as one writes it first in Verilog: no pipeline but the register of the memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.emit import VerilogSources
from xnorflow.ir import Folding

__all__ = ["plain_mvau"]

WEIGHT_FILE = "weights.mem"
THRESHOLD_FILE = "thresholds.mem"

TEXT = """\
module {top} (
    input wire aclk,
    input wire aresetn,
    input wire [{simd}-1:0] s_axis_tdata,
    input wire s_axis_tvalid,
    output wire s_axis_tready,
    output reg [{pe}-1:0] m_axis_tdata,
    output reg m_axis_tvalid,
    input wire m_axis_tready,
    output reg m_axis_tlast
);
  reg [{pe}*{simd}-1:0] weights [0:{nf}*{sf}-1];
  reg [{pe}*{width}-1:0] thresholds [0:{nf}-1];
  reg [{simd}-1:0] vector [0:{sf}-1];
  initial $readmemh("{weight_file}", weights, 0, {nf}*{sf}-1);
  initial $readmemh("{threshold_file}", thresholds, 0, {nf}-1);

  reg running, fetched, first, last, final;
  reg [{s_bits}-1:0] s;
  reg [{n_bits}-1:0] n;
  reg [{a_bits}-1:0] address;
  reg [{pe}*{simd}-1:0] w;
  reg [{pe}*{width}-1:0] t, sums, counts;
  reg [{simd}-1:0] x;
  reg [{pe}-1:0] y;
  integer p, i;

  wire step = !m_axis_tvalid || m_axis_tready;
  assign s_axis_tready = !running;

  always @* begin
    for (p = 0; p < {pe}; p = p + 1) begin
      counts[p*{width}+:{width}] = first ? 0 : sums[p*{width}+:{width}];
      for (i = 0; i < {simd}; i = i + 1)
        counts[p*{width}+:{width}] = counts[p*{width}+:{width}] + (w[p*{simd}+i] == x[i]);
      y[p] = counts[p*{width}+:{width}] >= t[p*{width}+:{width}];
    end
  end

  always @(posedge aclk) begin
    if (s_axis_tready && s_axis_tvalid) vector[s] <= s_axis_tdata;
    if (step) begin
      w <= weights[address];
      t <= thresholds[n];
      x <= vector[s];
      first <= s == 0;
      last <= s == {sf}-1;
      final <= n == {nf}-1;
      fetched <= running;
      sums <= counts;
      m_axis_tvalid <= fetched && last;
      m_axis_tlast <= fetched && last && final;
      m_axis_tdata <= y;
      if (running) begin
        address <= address + 1;
        s <= s + 1;
        if (s == {sf}-1) begin
          s <= 0;
          n <= n + 1;
          if (n == {nf}-1) begin
            n <= 0;
            address <= 0;
            running <= 0;
          end
        end
      end
    end
    if (s_axis_tready && s_axis_tvalid) begin
      s <= s + 1;
      if (s == {sf}-1) begin
        s <= 0;
        running <= 1;
      end
    end
    if (!aresetn) begin
      running <= 0;
      fetched <= 0;
      m_axis_tvalid <= 0;
      m_axis_tlast <= 0;
      s <= 0;
      n <= 0;
      address <= 0;
    end
  end
endmodule
"""


def plain_mvau(
    weights: NDArray[np.int8], thresholds: NDArray[np.int64], folding: Folding, top: str
) -> VerilogSources:
    """An accelerator of one layer of 1-bit weights, inputs and outputs.

    **Timing.** A vector every ``(nf + 1) * sf`` cycles: it does not read the next vector while it
    computes, as ours does.

    Parameters
    ----------
    weights
        +-1, shape ``(mh, mw)``.
    thresholds
        On the sums, shape ``(mh,)``.
    folding
        ``pe`` and ``simd`` of whole bytes.
    top
        Name of the module.
    """
    mh, mw = weights.shape
    pe, simd = folding.pe, folding.simd
    sf, nf, width = mw // simd, mh // pe, mw.bit_length()
    # Word (n, s) holds, neuron after neuron, the inputs of beat s: the last bit stands first.
    words = (weights.reshape(nf, pe, sf, simd).swapaxes(1, 2) > 0).reshape(nf * sf, pe * simd)
    limits = -((-thresholds - mw) // 2).reshape(nf, pe)
    limit_words = [sum(int(t) << (width * p) for p, t in enumerate(row)) for row in limits]
    weight_words = [int("".join("01"[int(bit)] for bit in word[::-1]), 2) for word in words]
    text = TEXT.format(
        top=top,
        pe=pe,
        simd=simd,
        sf=sf,
        nf=nf,
        width=width,
        weight_file=WEIGHT_FILE,
        threshold_file=THRESHOLD_FILE,
        s_bits=max(1, (sf - 1).bit_length()),
        n_bits=max(1, (nf - 1).bit_length()),
        a_bits=max(1, (nf * sf - 1).bit_length()),
    )
    return VerilogSources(
        text,
        {
            WEIGHT_FILE: "".join(f"{word:x}\n" for word in weight_words),
            THRESHOLD_FILE: "".join(f"{word:x}\n" for word in limit_words),
        },
    )
