"""What the kernels of a compiled program do, read from its optimized HLO text.

XLA gives no cost analysis for a compile-only GPU, nor for a single kernel,
but its HLO names every kernel with the shapes it reads and writes. Products
(convolutions and matrix products) are counted as 2 FLOP per multiply-add; the
arithmetic of other kernels is free beside their memory traffic.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from synthjax.bench.hlo import WIDTH, Instruction, Shape, parse

_FORWARD = "forward convolution"
_INPUT = "backward-input convolution"
_FILTER = "backward-filter convolution"
_CONVOLUTIONS = {
    "convForward": _FORWARD,
    "convBiasActivationForward": _FORWARD,
    "convForwardGraph": _FORWARD,
    "convBackwardInput": _INPUT,
    "convBackwardFilter": _FILTER,
}
_FREE = frozenset(
    {
        *("parameter", "constant", "get-tuple-element", "tuple", "bitcast"),
        *("after-all", "partition-id", "replica-id", "opt-barrier"),
    }
)
_POINTWISE = frozenset(
    {
        *("bitcast", "convert", "negate", "abs", "sqrt", "rsqrt", "not"),
        *("add", "subtract", "multiply", "divide", "maximum", "minimum", "power"),
        *("compare", "select", "and", "or"),
    }
)
COLLECTIVES = (
    *("all-reduce", "all-gather", "reduce-scatter", "all-to-all"),
    *("collective-permute", "collective-broadcast", "ragged-all-to-all"),
)


@dataclass(frozen=True)
class Kernel:
    """One launch, or `calls` like it."""

    name: str
    kind: str  # a convolution, "matrix product", a collective, or the HLO op
    source: str  # the operation in the program that it comes from
    output: str  # shapes written
    dtype: str  # of a product's narrowest input; "" if it is none
    exact: bool  # a float32 product that may not use TF32
    flop: float  # of products
    bytes: int  # read and written
    window: str  # of a convolution
    groups: int  # of a convolution; 1 is an ordinary one
    calls: float = 1.0  # how often it is launched: more than 1 in a loop

    @property
    def dilated(self) -> bool:
        """Whether it is a convolution of a dilated kernel, which no library runs well."""
        return "rhs_dilate" in self.window


def kernels(text: str) -> list[Kernel]:
    """Returns every kernel that one run of an optimized HLO module launches.

    Loops count as often as they run (once if that is unknown), and of branches the
    one that moves most.
    """
    computations, entry = parse(text)
    return list(_walk(entry, computations, 1.0))


def _walk(
    computation: str, computations: dict[str, list[Instruction]], calls: float
) -> Iterator[Kernel]:
    body = computations.get(computation, [])
    known = {instruction.name: instruction for instruction in body}
    for instruction in body:
        op = instruction.op
        if op in _FREE or op.endswith(("-done", "-update")):
            continue
        if op == "while":
            trips = float(instruction.attribute(r'"n":"(\d+)"') or 1)
            inner = instruction.attribute(r"body=%?([\w.\-]+)")
            yield from _walk(inner, computations, calls * trips)
        elif op == "conditional":
            names = _branches(instruction)
            bodies = [list(_walk(name, computations, calls)) for name in names]
            yield from max(bodies, key=lambda b: sum(k.bytes for k in b), default=[])
        elif op in ("call", "async-start"):
            inner = instruction.attribute(r"(?:to_apply|calls)=%?([\w.\-]+)")
            yield from _walk(inner, computations, calls)
        else:
            kernel = _kernel(instruction, known, computations)
            yield replace(kernel, calls=calls)


def _branches(instruction: Instruction) -> list[str]:
    listed = instruction.attribute(r"branch_computations=\{([^}]*)\}")
    if listed:
        return re.findall(r"%?([\w.\-]+)", listed)
    return re.findall(r"(?:true|false)_computation=%?([\w.\-]+)", instruction.rest)


def _kernel(
    instruction: Instruction,
    known: dict[str, Instruction],
    computations: dict[str, list[Instruction]],
) -> Kernel:
    read = [_arrays(known, name) for name in instruction.operands]
    written = _useful(instruction)
    target = instruction.attribute(r'custom_call_target="([^"]+)"')
    kind, flop = instruction.op.removesuffix("-start"), 0.0
    inputs: tuple[Shape, ...] = ()
    precision = instruction.rest
    if "$conv" in target:
        kind = _CONVOLUTIONS.get(target.rpartition("$")[2], target)
        inputs = (read[0][0], read[1][0])
        flop = _convolution_flop(instruction, kind, (*inputs, written[0]))
    elif "gemm" in target or "matmul" in target:
        kind, inputs = "matrix product", (read[0][0], read[1][0])
        flop = _product_flop(instruction, (*inputs, written[0]))
    elif products := list(_products(instruction, known, computations)):
        for product, left, right in products:
            kind, own = _plain(product, left, right)
            inputs, precision = (left, right), product.rest
            flop += own
    elif target:
        kind = target
    moved = sum(_read(instruction, i, a, computations) for i, a in enumerate(read))
    if kind in COLLECTIVES:
        moved = 0  # what the network carries is the output, counted below
    return Kernel(
        name=instruction.name,
        kind=kind,
        source=instruction.attribute(r'op_name="([^"]*)"'),
        output=" ".join(f"{s.dtype}{list(s.sides)}" for s in written[:3]),
        dtype=min(inputs, key=lambda s: WIDTH.get(s.dtype, 4)).dtype if inputs else "",
        exact=bool(re.search(r"highest|HIGH", precision)) and bool(inputs),
        flop=flop,
        bytes=moved + _written(instruction, computations),
        window=instruction.attribute(r"window=\{([^}]*)\}"),
        groups=max(
            int(n) for n in re.findall(r"group_count=(\d+)", instruction.rest) or ["1"]
        ),
    )


def _useful(instruction: Instruction) -> tuple[Shape, ...]:
    """Returns the outputs, but not a library's scratch space."""
    if instruction.op == "custom-call":
        arrays = tuple(s for s in instruction.outputs if s.dtype not in ("u8", "s8"))
        return arrays or instruction.outputs
    if instruction.op == "all-gather-start":  # what goes in, then what comes out
        return instruction.outputs[len(instruction.outputs) // 2 :]
    if instruction.op in ("copy-start", "collective-permute-start"):
        return instruction.outputs[:1]  # the others are its source and state
    return instruction.outputs


def _arrays(known: dict[str, Instruction], name: str) -> tuple[Shape, ...]:
    """Returns what an operand is: an array, or several if it is a whole tuple."""
    source = known.get(name)
    if source is None:
        return (Shape("f32", ()),)
    if source.op == "get-tuple-element" and source.outputs:
        return source.outputs
    return _useful(source) or (Shape("f32", ()),)


def _read(
    instruction: Instruction,
    position: int,
    arrays: tuple[Shape, ...],
    computations: dict[str, list[Instruction]],
) -> int:
    """Returns the bytes read of an operand: not all where only slices are used."""
    whole = sum(shape.bytes for shape in arrays)
    if instruction.operands.index(instruction.operands[position]) < position:
        return 0  # the same array again
    if instruction.op in ("dynamic-slice", "gather", "slice"):
        return instruction.outputs[0].bytes if position == 0 else whole
    body = computations.get(instruction.attribute(r"calls=%?([\w.\-]+)"), [])
    inside = next(
        (i for i in body if i.op == "parameter" and i.rest.startswith(f"{position})")),
        None,
    )
    if inside is None or not whole:
        return whole
    share = _used(inside, body) / sum(shape.size for shape in inside.outputs)
    return round(whole * min(1.0, share))


def _used(array: Instruction, body: list[Instruction]) -> int:
    """Counts the elements of an array that the instructions of a fusion use.

    A fusion computes what is asked of it: of an array that is scaled and then sliced,
    the slices alone are read.
    """
    whole = sum(shape.size for shape in array.outputs)
    used = 0
    for user in body:
        if array.name not in user.operands:
            continue
        first = user.operands[0] == array.name
        if user.op in ("slice", "dynamic-slice", "gather") and first:
            used += user.outputs[0].size
        elif user.op in _POINTWISE and not user.root:
            used += _used(user, body)
        elif user.op == "dynamic-update-slice" and first:
            continue  # written in place
        else:
            return whole
    return min(whole, used)


def _written(
    instruction: Instruction, computations: dict[str, list[Instruction]]
) -> int:
    """Returns the bytes written; an update in place writes the updated part only."""
    body = computations.get(instruction.attribute(r"calls=%?([\w.\-]+)"), [])
    root = next((i for i in body if i.root), None)
    if root is not None and root.op == "dynamic-update-slice":
        update = next(i for i in body if i.name == root.operands[1])
        return update.outputs[0].bytes
    return sum(shape.bytes for shape in _useful(instruction))


def _convolution_flop(
    instruction: Instruction, kind: str, arrays: tuple[Shape, ...]
) -> float:
    """Counts 2 per multiply-add: taps and input channels for every output pixel."""
    first, second, result = arrays
    filters = instruction.attribute(r"dim_labels=\w+_(\w+)->")
    out = filters.index("o") if "o" in filters else 0
    if kind == _FORWARD:
        return 2.0 * result.size * second.size / second.sides[out]
    if kind == _INPUT:  # `first` is the cotangent
        return 2.0 * first.size * second.size / second.sides[out]
    return 2.0 * second.size * result.size / result.sides[out]


def _product_flop(instruction: Instruction, arrays: tuple[Shape, ...]) -> float:
    """Counts a library's matrix product; its contracted sides are in the config."""
    left, right, result = arrays
    sides = instruction.attribute(r'"lhs_contracting_dimensions":\[([^\]]*)\]')
    if not sides:  # the geometric mean of the three sizes is m n k
        return 2.0 * math.sqrt(float(left.size) * right.size * result.size)
    contracted = [left.sides[int(i)] for i in re.findall(r"\d+", sides)]
    return 2.0 * result.size * math.prod(contracted)


def _products(
    instruction: Instruction,
    known: dict[str, Instruction],
    computations: dict[str, list[Instruction]],
) -> Iterator[tuple[Instruction, Shape, Shape]]:
    """Yields the products in an instruction or fusion, with their inputs."""
    if instruction.op in ("dot", "convolution"):
        left, right = (_arrays(known, name)[0] for name in instruction.operands[:2])
        yield instruction, left, right
    elif instruction.op == "fusion":
        body = computations.get(instruction.attribute(r"calls=%?([\w.\-]+)"), [])
        inside = {inner.name: inner for inner in body}
        for inner in body:
            yield from _products(inner, inside, computations)


def _plain(product: Instruction, left: Shape, right: Shape) -> tuple[str, float]:
    """Returns kind and FLOP of a product that no library was called for, as on a CPU.

    A backward-input convolution of stride 1 is there a forward one of a turned kernel.
    """
    result = product.outputs[0]
    if product.op == "dot":
        sides = product.attribute(r"lhs_contracting_dims=\{([^}]*)\}")
        contracted = [left.sides[int(i)] for i in re.findall(r"\d+", sides)]
        return "matrix product", 2.0 * result.size * math.prod(contracted)
    filters = product.attribute(r"dim_labels=\w+_(\w+)->")
    output = product.attribute(r"dim_labels=\w+->(\w+)")
    if "lhs_dilate" in product.rest:
        inputs = right.sides[filters.index("i")]
        return _INPUT, 2.0 * left.size * right.size / inputs
    side, out = (s.sides[n.index("0")] for s, n in ((right, filters), (result, output)))
    flop = 2.0 * result.size * right.size / right.sides[filters.index("o")]
    return (_FILTER if side > out else _FORWARD), flop
