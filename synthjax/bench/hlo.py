"""The optimized HLO text of a compiled program, as instructions with shapes."""

import math
import re
from dataclasses import dataclass

WIDTH = {
    **dict.fromkeys(("pred", "s8", "u8", "f8e4m3fn", "f8e5m2"), 1),
    **dict.fromkeys(("bf16", "f16", "s16", "u16"), 2),
    **dict.fromkeys(("s64", "u64", "f64", "c64"), 8),
}  # bytes of one element; all others have 4

_ARRAY = re.compile(r"([a-z]\w*)\[([\d,]*)\]")
_HEAD = re.compile(r"(?:ENTRY )?%?([\w.\-]+) \(.*\) -> .*\{$")
_INSTRUCTION = re.compile(
    r"\s+(ROOT )?%?([\w.\-]+) = (\((?:[^()]|\([^()]*\))*\)|\S+) ([a-z][\w\-]*)\((.*)$"
)


@dataclass(frozen=True)
class Shape:
    """One array of an instruction."""

    dtype: str  # XLA's name, such as bf16
    sides: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.sides)

    @property
    def bytes(self) -> int:
        """Bytes in memory."""
        return self.size * WIDTH.get(self.dtype, 4)


@dataclass(frozen=True)
class Instruction:
    """One line of HLO."""

    name: str
    op: str  # such as fusion
    outputs: tuple[Shape, ...]
    operands: tuple[str, ...]  # names of instructions
    rest: str  # the arguments and attributes, as text
    root: bool

    def attribute(self, pattern: str) -> str:
        """Returns the first group of a pattern in the line, or nothing."""
        match = re.search(pattern, self.rest)
        return match.group(1) if match else ""


def parse(text: str) -> tuple[dict[str, list[Instruction]], str]:
    """Returns the computations of a module by name, and the name of the entry."""
    computations: dict[str, list[Instruction]] = {}
    entry, body = "", []
    for line in text.splitlines():
        if head := _HEAD.match(line):
            body = computations[head.group(1)] = []
            entry = head.group(1) if line.startswith("ENTRY") else entry
        elif match := _INSTRUCTION.match(line):
            root, name, shape, op, rest = match.groups()
            arguments = rest.partition(")")[0]
            body.append(
                Instruction(
                    name=name,
                    op=op,
                    outputs=_shapes(shape),
                    operands=tuple(re.findall(r"%([\w.\-]+)", arguments)),
                    rest=rest,
                    root=bool(root),
                )
            )
    return computations, entry


def _shapes(text: str) -> tuple[Shape, ...]:
    return tuple(
        Shape(dtype, tuple(int(side) for side in sides.split(",") if side))
        for dtype, sides in _ARRAY.findall(text)
    )
