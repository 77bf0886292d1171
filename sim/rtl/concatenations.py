# SPDX-License-Identifier: Apache-2.0
"""Long concatenations in the C++ that CXXRTL writes, as tables.

CXXRTL gives each concatenation a type of its own, as deep as it has operands. Compilers need
minutes for some ten thousand bits that are wired one by one, as between the gates of unrolled
layers. A loop over a table of words, shifts and masks compiles at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

__all__ = ["tabulated"]

FEWEST_OPERANDS = 8
"""Of a concatenation that becomes a table."""

WORTHWHILE = 5000
"""Concatenations of a design, each of two operands, from which on tables are made: fewer of them
compile fast, and run up to a quarter faster than a loop."""

WORD_BITS = 32
"""Bits of the words of which CXXRTL's values consist."""

RUN_TIME = """
struct Piece {
	uint32_t offset;  // of the word in the design, in bytes
	uint32_t mask;    // of the bits, at the low end
	uint8_t shift;    // of the bits in that word
	uint8_t to_shift; // of the bits in the concatenation's word
	uint16_t to_word;
};

template<size_t Bits>
value<Bits> gather(const void *design, const Piece *pieces, size_t count, value<Bits> result) {
	for (const Piece *piece = pieces; piece != pieces + count; piece++) {
		uint32_t word;
		memcpy(&word, static_cast<const char *>(design) + piece->offset, sizeof word);
		result.data[piece->to_word] |= ((word >> piece->shift) & piece->mask) << piece->to_shift;
	}
	return result;
}

template<size_t Bits>
void scatter(void *design, const Piece *pieces, size_t count, const value<Bits> &source) {
	for (const Piece *piece = pieces; piece != pieces + count; piece++) {
		char *place = static_cast<char *>(design) + piece->offset;
		uint32_t bits = (source.data[piece->to_word] >> piece->to_shift) & piece->mask;
		uint32_t word;
		memcpy(&word, place, sizeof word);
		word = (word & ~(piece->mask << piece->shift)) | (bits << piece->shift);
		memcpy(place, &word, sizeof word);
	}
}

"""

STRUCT_END = re.compile(r"^}; // struct (?P<name>\w+)\n", re.MULTILINE)
MEMBER = re.compile(r"^\t(?P<kind>value|wire)<(?P<width>\d+)> (?P<name>\w+)[ ;]", re.MULTILINE)

OPERAND = re.compile(
    r"(?P<name>[pi]_\w+)(?P<copy>\.curr|\.next)?"
    r"(?:\.slice<(?P<high>\d+)(?:,(?P<low>\d+))?>\(\))?"
    r"(?:(?:\.val\(\))?\.repeat<(?P<repeat>\d+)>\(\))?(?:\.val\(\))?"
    r"|value<(?P<width>\d+)>\{(?P<words>[0-9a-fxu,]*)\}"
    r"|value<(?P<nothing>\d+)>\(\)"
)
ANY = f"(?:{re.sub(r'[(][?]P<[a-z]+>', '(?:', OPERAND.pattern)})"
MORE = rf"(?:\.concat\({ANY}\)){{{FEWEST_OPERANDS - 1},}}"
CHAIN = re.compile(rf"(?P<first>(?<![\w.]){ANY})?(?P<more>{MORE})")
TARGET = re.compile(rf"\t+{ANY}{MORE}")
ASSIGNS = " = "


@dataclass(frozen=True, slots=True)
class Bits:
    """Neighbouring bits of a word of the design.

    Parameters
    ----------
    word
        C++ that names the word; None for bits that are ``constant``.
    shift, width
        Place of the least significant bit, and number of bits.
    constant
        The bits.
    """

    word: str | None
    shift: int
    width: int
    constant: int = 0


def tabulated(design: str) -> str:
    """``design``, with tables for concatenations of many variables if it has many of these."""
    end = STRUCT_END.search(design)
    if end is None or design.count(".concat(") < WORTHWHILE:
        return design
    widths = {
        found["name"] + (copy if found["kind"] == "wire" else ""): int(found["width"])
        for found in MEMBER.finditer(design[: end.start()])
        for copy in (".curr", ".next")
    }
    tables = Tables(end["name"], widths)
    code = [tables.rewritten(line) for line in design[end.end() :].splitlines(keepends=True)]
    if not tables.definitions:
        return design
    return "".join([design[: end.end()], RUN_TIME, *tables.definitions, "\n", *code])


class Tables:
    """The tables of a design.

    Parameters
    ----------
    struct
        C++ name of the design.
    widths
        Widths of its variables, of registers with the copy that is meant.

    Attributes
    ----------
    definitions : list of str
        C++ of the tables.
    """

    def __init__(self, struct: str, widths: Mapping[str, int]) -> None:
        self._struct = struct
        self._widths = widths
        self.definitions: list[str] = []

    def rewritten(self, line: str) -> str:
        """``line``, with tables."""
        target, assigns, source = line.rpartition(ASSIGNS)
        source = CHAIN.sub(self._gathered, source)
        bits = self._bits(target) if TARGET.fullmatch(target) else None
        if bits is None:
            return f"{target}{assigns}{source}"
        width = sum(each.width for each in bits)
        indent = target[: -len(target.lstrip())]
        call = f"scatter<{width}>(this, {self._table(bits)}, source);"
        return f"{indent}{{ value<{width}> source; source = {source.rstrip()} {call} }}\n"

    def _gathered(self, match: re.Match[str]) -> str:
        """What stands for a concatenation, or for the end of one."""
        bits = self._bits(match[0])
        if bits is None:
            return match[0]
        width = sum(each.width for each in bits)
        call = f"gather<{width}>(this, {self._table(bits)}, {constant(bits, width)})"
        return call if match["first"] else f".concat({call})"

    def _bits(self, chain: str) -> list[Bits] | None:
        """Bits of a concatenation, the least significant first; None if one is not known."""
        operands: list[list[Bits]] = []
        for operand in OPERAND.finditer(chain):
            known = constant_bits if operand["name"] is None else self._variable_bits
            bits = known(operand)
            if bits is None:
                return None
            operands.append(bits)
        return [each for bits in reversed(operands) for each in bits]

    def _variable_bits(self, operand: re.Match[str]) -> list[Bits] | None:
        copy = operand["copy"] or ""
        width = self._widths.get(operand["name"] + copy)
        if width is None:
            return None
        high = int(operand["high"] or width - 1)
        low = int(operand["low"] or operand["high"] or 0)
        bits = [
            Bits(
                f"{operand['name']}{copy}.data[{word}]",
                max(low - word * WORD_BITS, 0),
                min(high, (word + 1) * WORD_BITS - 1) - max(low, word * WORD_BITS) + 1,
            )
            for word in range(low // WORD_BITS, high // WORD_BITS + 1)
        ]
        return bits * int(operand["repeat"] or 1)

    def _table(self, bits: Sequence[Bits]) -> str:
        """Name and length of a new table."""
        name = f"pieces_{len(self.definitions)}"
        rows = [
            f"\t{{ offsetof({self._struct}, {each.word}), {(1 << each.width) - 1:#x}, "
            f"{each.shift}, {place % WORD_BITS}, {place // WORD_BITS} }},\n"
            for place, each in pieces(bits)
            if each.word
        ]
        self.definitions.append(f"static const Piece {name}[] = {{\n{''.join(rows)}}};\n\n")
        return f"{name}, {len(rows)}"


def constant_bits(operand: re.Match[str]) -> list[Bits]:
    """The bits of a constant operand; as a target, of bits that go nowhere."""
    if operand["nothing"]:
        return [Bits(None, 0, int(operand["nothing"]))]
    words = [int(word.rstrip("u"), 0) for word in operand["words"].split(",")]
    value = sum(word << number * WORD_BITS for number, word in enumerate(words))
    return [Bits(None, 0, int(operand["width"]), value)]


def pieces(bits: Sequence[Bits]) -> Iterator[tuple[int, Bits]]:
    """``bits`` and their places in the concatenation, cut where one of its words ends."""
    place = 0
    for each in bits:
        cut = min(each.width, WORD_BITS - place % WORD_BITS)
        yield place, replace(each, width=cut)
        if cut < each.width:
            yield place + cut, replace(each, shift=each.shift + cut, width=each.width - cut)
        place += each.width


def constant(bits: Sequence[Bits], width: int) -> str:
    """The bits of a concatenation that are constant."""
    value = place = 0
    for each in bits:
        value |= each.constant << place
        place += each.width
    words = range(-(-width // WORD_BITS))
    mask = (1 << WORD_BITS) - 1
    return f"value<{width}>{{{','.join(f'{value >> n * WORD_BITS & mask:#x}u' for n in words)}}}"
