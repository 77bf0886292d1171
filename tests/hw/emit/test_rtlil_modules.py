# SPDX-License-Identifier: Apache-2.0
from amaranth.back import rtlil
from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from xnorflow.hw.emit.memory_images import file_names, take_memories
from xnorflow.hw.emit.readable_names import readable
from xnorflow.hw.emit.rtlil_modules import (
    join_modules,
    keep_wires,
    merge_equal,
    modules_of,
    name_modules,
)


class Table(wiring.Component):
    """Looks ``address`` up."""

    address: In(2)
    word: Out(3)

    def __init__(self, words, *, writable=False):
        super().__init__()
        self.words = words
        self.writable = writable

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = memory = Memory(shape=3, depth=4, init=self.words)
        port = memory.read_port()
        m.d.comb += [port.addr.eq(self.address), self.word.eq(port.data)]
        if self.writable:
            writer = memory.write_port()
            m.d.comb += [writer.addr.eq(self.address), writer.data.eq(1), writer.en.eq(1)]
        return m


class Inverter(wiring.Component):
    """Inverts ``x``."""

    x: In(1)
    y: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.y.eq(~self.x)
        return m


class Top(wiring.Component):
    """Children of all kinds."""

    x: In(2)
    y: Out(3)

    def __init__(self, children):
        super().__init__()
        self.children = children

    def elaborate(self, platform):
        m = Module()
        total = Signal(3, name="total")
        words = Const(0, 3)
        for name, child in self.children.items():
            m.submodules[name] = child
            if isinstance(child, Table):
                m.d.comb += child.address.eq(self.x)
                words = words ^ child.word
            else:
                m.d.comb += child.x.eq(self.x[0])
                words = words ^ child.y
        m.d.comb += [total.eq(words), self.y.eq(total)]
        return m


def modules(**children):
    return modules_of(rtlil.convert(Top(children), name="top", emit_src=False))


def test_text_comes_back():
    text = rtlil.convert(Top({"a": Inverter(), "t": Table([1])}), name="top", emit_src=False)
    parts = modules_of(text)
    assert [module.path for module in parts] == ["top", "top.a", "top.t"]
    assert join_modules(parts).split() == text.split()


def test_equal_siblings_become_one_module_without_number():
    merged = merge_equal(modules(inv_0=Inverter(), inv_1=Inverter(), other=Inverter()))
    assert [module.path for module in merged] == ["top", "top.inv"]
    assert merged[0].body.count("cell \\top.inv ") == 3


def test_merged_module_keeps_its_number_if_the_plain_name_is_taken():
    merged = merge_equal(modules(inv=Table([1]), inv_0=Inverter(), inv_1=Inverter()))
    assert [module.path for module in merged] == ["top", "top.inv", "top.inv_0"]


def test_two_groups_of_equal_siblings():
    class Wire(Inverter):
        def elaborate(self, platform):
            m = Module()
            m.d.comb += self.y.eq(self.x ^ Signal(name="zero"))
            return m

    merged = merge_equal(modules(x_0=Inverter(), x_1=Wire(), x_2=Inverter(), x_3=Wire()))
    assert [module.path for module in merged] == ["top", "top.x", "top.x_1"]


def test_modules_with_memories_stay_apart():
    merged = merge_equal(modules(t_0=Table([1]), t_1=Table([1])))
    assert [module.path for module in merged] == ["top", "top.t_0", "top.t_1"]


def test_names_are_unique():
    parts = modules_of("".join(f"module \\top{p}\n  x\nend\n" for p in ("", ".a.b", ".a_b")))
    assert name_modules(parts) == {"top": "top", "top.a.b": "a_b", "top.a_b": "a_b_"}


def test_keep_marks_wires_of_the_top_only():
    top, child = keep_wires(modules(a=Inverter()), ["total", "y"])
    assert top.body.count("  attribute \\keep 1\n") == 1
    assert "  attribute \\keep 1\n  wire width 3 \\total\n" in top.body
    assert "keep" not in child.body


def test_contents_of_tables_are_taken():
    parts, images = take_memories(modules(t=Table([5, 0, 7])), keep_tables=False)
    (image,) = images
    assert (image.module, image.name, image.width_bits) == ("top.t", "rows", 3)
    assert image.words == ("101", "000", "111", "000")
    assert image.hex_lines() == "5\n0\n7\n0\n"
    assert "meminit" not in join_modules(parts)
    assert file_names(images) == ("t_rows.mem",)


def test_kept_tables_stay_where_they_are():
    given = modules(t=Table([5, 0, 7]))
    parts, images = take_memories(given, keep_tables=True)
    assert (parts, images) == (given, ())


def test_buffers_lose_their_zeros_but_no_other_content():
    given = modules(b=Table([0, 0, 0, 0], writable=True), c=Table([0, 1], writable=True))
    for keep_tables in (False, True):
        parts, images = take_memories(given, keep_tables=keep_tables)
        assert "meminit" not in parts[1].body
        assert ("meminit" in parts[2].body) == keep_tables
        assert [image.module for image in images] == ([] if keep_tables else ["top.c"])


def test_tables_of_zeros_keep_their_content():
    _, images = take_memories(modules(t=Table([0, 0])), keep_tables=False)
    assert len(images) == 1


def test_read_data_is_called_after_its_memory():
    class Two(wiring.Component):
        x: In(2)
        y: Out(3)

        def elaborate(self, platform):
            m = Module()
            ports = []
            for name in ("low", "high"):
                m.submodules[name] = memory = Memory(shape=3, depth=4, init=[1, 2])
                ports.append(memory.read_port())
                m.d.comb += ports[-1].addr.eq(self.x)
            m.d.comb += self.y.eq(ports[0].data ^ ports[1].data)
            return m

    class Outer(wiring.Component):
        x: In(2)
        y: Out(3)

        def elaborate(self, platform):
            m = Module()
            m.submodules.two = two = Two()
            m.d.comb += [two.x.eq(self.x), self.y.eq(two.y)]
            return m

    parts = readable(modules_of(rtlil.convert(Outer(), name="top", emit_src=False)))
    assert "\\low_data" in parts[1].body
    assert "\\high_data" in parts[1].body
    assert "port__data" not in parts[1].body
