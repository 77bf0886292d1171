# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from xnorflow.hw.emit import WeightStorage, design_sources, write_design
from xnorflow.hw.passes import compile_network, parse_plan, plan_for_interval, read_plan
from xnorflow.hw.top import padded_width_bits, tap_names
from xnorflow.ir import Dataflow, Network, graph_digest, int_type, load_graph, uint_type

BENCH = """
module bench;
  reg [{input_bits}-1:0] beats [0:{beats}-1];
  reg clock = 0, reset_n = 0;
  integer sent = 0, got = 0, seed = 7;
  reg valid = 0, ready = 0;
  wire s_ready, m_valid, m_last;
  wire [{output_bits}-1:0] m_data;
  accelerator dut (
    .aclk(clock), .aresetn(reset_n),
    .s_axis_tdata(beats[sent]), .s_axis_tvalid(valid), .s_axis_tready(s_ready),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(ready), .m_axis_tlast(m_last)
  );
  always #5 clock = ~clock;
  initial begin
    $readmemh("beats.hex", beats);
    repeat (4) @(negedge clock);
    reset_n = 1;
    repeat (100000) begin
      valid = valid | ({pause} ? $random(seed) & 1 : 1);
      ready = {pause} ? $random(seed) & 1 : 1;
      if (sent == {beats}) valid = 0;
      #1;
      if (m_valid & ready) begin
        $display("%b %h", m_last, m_data);
        got = got + 1;
        if (got == {results}) $finish;
      end
      if (valid & s_ready) begin
        @(posedge clock) #1 sent = sent + 1;
        valid = 0;
      end
      @(negedge clock);
    end
    $display("no end");
    $finish;
  end
endmodule
"""


def need(tool: str) -> str:
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed")
    return path


def run(command: list[str], folder: Path) -> str:
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def simulate(folder: Path, dataflow: Dataflow, frames: np.ndarray, *, pause: bool) -> list[str]:
    """Lines "tlast tdata" of the emitted design in Icarus Verilog."""
    stream, result = (dataflow.types[node.name] for node in (dataflow.input, dataflow.output))
    width = stream.element.width_bits
    rows = stream.element.encode(frames.reshape(-1, stream.lanes)).tolist()
    beats = [sum(code << (i * width) for i, code in enumerate(row)) for row in rows]
    (folder / "beats.hex").write_text("".join(f"{beat:x}\n" for beat in beats))
    bench = BENCH.format(
        input_bits=padded_width_bits(stream),
        output_bits=padded_width_bits(result),
        beats=len(beats),
        results=len(frames) * result.beats_per_frame,
        pause=int(pause),
    )
    (folder / "bench.v").write_text(bench)
    files = ["accelerator.v", "bench.v"]
    run([need("iverilog"), "-g2005", "-s", "bench", "-o", "bench.vvp", *files], folder)
    return run([need("vvp"), "-n", "bench.vvp"], folder).splitlines()


def small_design(lab):
    network = lab.Mlp(activation=uint_type(2), weight=int_type(2)).network()
    folding = '{"fc1": {"PE": 4, "SIMD": 3}, "fc2": {"PE": 3, "SIMD": 4}, "fc3": {"SIMD": 3}}'
    return network, compile_network(network, parse_plan(folding, network))


@pytest.fixture(scope="module")
def small(lab):
    return small_design(lab)


@pytest.fixture(scope="module")
def folder(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("rtl")
    write_design(small[1], path)
    return path


@pytest.mark.parametrize("weights", WeightStorage)
@pytest.mark.parametrize("pause", [False, True])
def test_emitted_verilog_computes_the_network(lab, small, tmp_path, weights, pause):
    network, dataflow = small
    write_design(dataflow, tmp_path, weights=weights)
    frames = lab.random_frames(network, 12)
    lines = simulate(tmp_path, dataflow, frames, pause=pause)
    expected = lab.evaluate_network(network, frames)["label"].ravel()
    assert lines == [f"1 {label:02x}" for label in expected]


def test_folder_has_all_files(small, folder):
    network, dataflow = small
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "accelerator.v",
        "dataflow.json",
        "tensors.npz",
        "folding.json",
        "verilator.vlt",
        "fc1_weights.mem",
        "fc2_weights.mem",
        "fc3_weights.mem",
    }
    assert graph_digest(load_graph(Dataflow, folder)) == graph_digest(dataflow)
    plan = read_plan(folder / "folding.json", network)
    assert graph_digest(compile_network(network, plan)) == graph_digest(dataflow)


def test_every_memory_file_is_read_once_by_its_plain_name(folder):
    verilog = (folder / "accelerator.v").read_text()
    read = re.findall(r'\$readmemh\("([^"]*)", \w+, 0, \d+\);', verilog)
    assert sorted(read) == sorted(path.name for path in folder.glob("*.mem"))
    assert len(set(read)) == len(read)


def test_weight_file_holds_the_weights(small, folder):
    _, dataflow = small
    node = dataflow.node("fc1")
    pe, simd = node.folding.pe, node.folding.simd
    codes = node.weight_type.encode(node.weights)
    width = node.weight_type.width_bits
    words = []
    for fold in range(node.nf):
        for beat in range(node.sf):
            block = codes[fold * pe : (fold + 1) * pe, beat * simd : (beat + 1) * simd]
            words.append(sum(int(c) << (i * width) for i, c in enumerate(block.ravel())))
    lines = (folder / "fc1_weights.mem").read_text().splitlines()
    assert [int(line, 16) for line in lines] == words
    assert {len(line) for line in lines} == {-(-pe * simd * width // 4)}


def test_inline_needs_no_file(small, tmp_path):
    write_design(small[1], tmp_path, weights=WeightStorage.INLINE)
    assert not list(tmp_path.glob("*.mem"))
    assert "$readmem" not in (tmp_path / "accelerator.v").read_text()


def test_same_graph_same_bytes(lab, small, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_design(small_design(lab)[1], tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_verilog_says_nothing_about_the_machine(folder):
    text = (folder / "accelerator.v").read_text()
    assert not re.search(r"\.py|/home|/usr|/tmp|site-packages|20[2-9]\d-\d\d", text)
    assert "(*" not in text


def test_verilog_has_one_meaning(folder):
    text = (folder / "accelerator.v").read_text()
    assert not re.search(r"'[bh][0-9a-f]*x|parallel_case|full_case", text)


def test_names_of_modules_and_wires(small, folder):
    _, dataflow = small
    text = (folder / "accelerator.v").read_text()
    top, *modules = re.findall(r"^module (\S+?)\(", text, re.MULTILINE)
    assert top == "accelerator"
    layers = {name for name in dataflow.types if name != "image"}
    assert layers <= set(modules)
    assert all(any(module.startswith(layer) for layer in layers) for module in modules)
    body = text[: text.index("endmodule")]
    for name, stream in dataflow.types.items():
        for wire, bits in zip(tap_names(name), (1, 1, stream.width_bits), strict=True):
            declared = f"  wire [{bits - 1}:0] {wire};" if bits > 1 else f"  wire {wire};"
            assert declared in body
    # Only words of Verilog itself need a backslash.
    assert set(re.findall(r"\\(\S+)", text)) <= {"output", "matches"}
    ports = re.search(r"^module fc1\((.*?)\);", text, re.MULTILINE)[1]
    assert set(ports.split(", ")) == {
        "aclk", "rst", "i__valid", "i__ready", "i__payload", "o__valid", "o__ready", "o__payload",
    }  # fmt: skip


def test_clock_is_a_plain_rising_edge(folder):
    text = (folder / "accelerator.v").read_text()
    assert set(re.findall(r"@\((.*?)\)", text)) == {"posedge aclk"}


def test_header_is_the_graph(small, folder):
    text = (folder / "accelerator.v").read_text()
    assert text.startswith("".join(f"// {line}\n" for line in str(small[1]).splitlines()))


@pytest.mark.parametrize("weights", WeightStorage)
def test_iverilog_and_verilator_find_nothing_to_say(small, tmp_path, weights):
    write_design(small[1], tmp_path, weights=weights)
    iverilog = need("iverilog")
    for standard in ("-g2005", "-g2005-sv"):
        command = [iverilog, standard, "-Wall", "-s", "accelerator", "-o", "a.vvp", "accelerator.v"]
        assert run(command, tmp_path) == ""
    command = [need("verilator"), "--lint-only", "-Wall", "--top-module", "accelerator"]
    assert run([*command, "verilator.vlt", "accelerator.v"], tmp_path) == ""


def test_verilator_waivers_are_all_needed(lab, small, tmp_path):
    verilator = need("verilator")
    network = lab.Mlp(widths=(5, 6, 2), input_type=None).network()
    uneven = parse_plan('{"fc1": {"PE": 2, "SIMD": 5}, "fc2": {"SIMD": 3}}', network)
    graphs = [small[1], compile_network(network, uneven)]
    network = lab.Mlp(widths=(3, 7), weight=int_type(3)).network()
    graphs.append(compile_network(network, plan_for_interval(network, 1)))
    messages = ""
    for name, dataflow in zip("abc", graphs, strict=True):
        (tmp_path / name).mkdir()
        write_design(dataflow, tmp_path / name)
        command = [verilator, "--lint-only", "-Wall", "--top-module", "accelerator"]
        messages += subprocess.run(
            [*command, "accelerator.v"],
            cwd=tmp_path / name,
            capture_output=True,
            text=True,
            check=False,
        ).stderr
    rules = re.findall(r"lint_off -rule (\w+)", (tmp_path / "a" / "verilator.vlt").read_text())
    assert sorted(rules) == sorted(set(re.findall(r"%Warning-(\w+)", messages)))


CHECK = "read_verilog accelerator.v; hierarchy -check -top accelerator; proc; check -assert"


def test_yosys_reads_it(folder):
    output = run([need("yosys"), "-q", "-p", CHECK], folder)
    assert "Warning" not in output


def test_pyosys_reads_it(folder):
    if find_spec("pyosys") is None:
        pytest.skip("pyosys is not installed")
    script = f"from pyosys import libyosys as y; d = y.Design(); y.run_pass({CHECK!r}, d)"
    output = run([sys.executable, "-c", script], folder)
    assert "Warning" not in output


def test_equal_siblings_share_a_module(lab):
    network = lab.Mlp(widths=(8, 8, 2)).network()
    plan = parse_plan('{"fc1": {"PE": 4, "SIMD": 4}}', network)
    text = design_sources(compile_network(network, plan)).verilog
    assert len(re.findall(r"^module fc1_dot_product", text, re.MULTILINE)) == 1
    assert len(re.findall(r"^  fc1_dot_product dot_product_[0-3] \(", text, re.MULTILINE)) == 4


def test_awkward_names(lab, tmp_path):
    """Verilog's words, and names that look like those of a layer's inside."""
    renamed = {
        "image": "reg",
        "fc1": "module",
        "act1": "wire",
        "fc2": "module_output",
        "label": "end",
    }
    network = lab.Mlp(widths=(8, 6, 4), input_type=None).network()
    nodes = [
        replace(
            node,
            name=renamed.get(node.name, node.name),
            inputs=tuple(renamed.get(edge, edge) for edge in node.inputs),
        )
        for node in network.nodes
    ]
    frames = lab.random_frames(network, 5)
    expected = lab.evaluate_network(network, frames)["label"].ravel()
    network = Network(tuple(nodes))
    dataflow = compile_network(network, plan_for_interval(network, 12))
    write_design(dataflow, tmp_path)
    lines = simulate(tmp_path, dataflow, frames, pause=True)
    assert lines == [f"1 {label:02x}" for label in expected]
    run([need("yosys"), "-q", "-p", CHECK], tmp_path)


@pytest.mark.parametrize("weights", list(WeightStorage))
@pytest.mark.parametrize(("style", "attribute"), [("block", "block"), ("distributed", "logic")])
def test_ram_style_reaches_the_verilog_and_nothing_else_does(lab, weights, style, attribute):
    """``logic`` is the word for weights in LUTs that all families of Yosys understand."""
    network = lab.Mlp(activation=uint_type(2), weight=int_type(2)).network()
    plan = parse_plan(f'{{"fc1": {{"PE": 1, "SIMD": 1, "ram_style": "{style}"}}}}', network)
    verilog = design_sources(compile_network(network, plan), weights=weights).verilog
    attributes = re.findall(r"\(\*(?! (?:\n|\)))[^\n]*\*\)\n[^\n]*", verilog)
    assert len(attributes) == 1
    assert re.fullmatch(
        rf'\(\* ram_style = "{attribute}" \*\)\n  reg \[1:0\] weights \[.*;', attributes[0]
    )
