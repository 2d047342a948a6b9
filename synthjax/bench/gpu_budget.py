"""What a training step costs on a compile-only GPU, from its compiled HLO.

XLA compiles ahead of time (AOT) for a GPU that this machine need not have. Each kernel
of the result takes at least the time of its arithmetic or of its memory traffic,
whichever is longer; their sum is the roofline, a bound that real kernels and launches
stay above.
"""

import importlib.util
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from jax.experimental import topologies
from jax.sharding import NamedSharding, PartitionSpec

from synthjax.bench.kernels import COLLECTIVES, Kernel, kernels
from synthjax.bench.plan import FINDINGS, Plan
from synthjax.core.clock import say
from synthjax.core.compile import compile_ahead
from synthjax.core.devices import AXIS, Devices
from synthjax.core.errors import StudyError
from synthjax.gan.config import ResolvedConfig

FOLDER = Path(__file__).parent
COUNTS = (1, 8)  # GPUs that a budget is made for


@dataclass(frozen=True)
class Gpu:
    """What one GPU sustains: a share of its data sheet, as large kernels reach it."""

    description: str  # file in this folder, a gpu_device_info of XLA
    products: dict[str, float]  # FLOP/s of products, by dtype; "exact": without TF32
    bandwidth: float  # bytes/s of its memory
    link: float  # bytes/s to its neighbours, one way


GPUS = {
    # Data sheet: 989, 495 and 67 TFLOP/s dense, 4.8 TB/s, NVLink 900 GB/s both ways.
    "h200": Gpu(
        description="h200.txtpb",
        products={"bf16": 790e12, "f16": 790e12, "f32": 395e12, "exact": 60e12},
        bandwidth=4.3e12,
        link=450e9,
    )
}

# The HLO is the same without them: no kernel is tuned on a GPU, or optimised to be run.
_OPTIONS = {
    "xla_gpu_autotune_level": 0,
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_gpu_disable_gpuasm_optimizations": True,
}


@dataclass(frozen=True)
class StepCost:
    """What one call of a step costs one GPU."""

    name: str
    every: int  # updates of the generator from one call to the next
    kernels: int  # launches
    flop: float  # of convolutions and matrix products
    bytes: float  # read and written by kernels
    seconds: float  # the roofline
    temporaries: int  # bytes of memory beside the state and the batch
    collectives: dict[str, int]  # calls, by kind
    dilated: int  # convolutions whose kernel is dilated
    grouped: int  # convolutions in groups


@dataclass(frozen=True)
class Budget:
    """What training costs on `gpus` GPUs, each with a batch of its own."""

    gpus: int
    batch: int  # images per GPU and update
    steps: tuple[StepCost, ...]

    @property
    def figures(self) -> dict[str, float]:
        """What limits are set on: name -> value."""
        images = self.gpus * self.batch

        def update(value: Callable[[StepCost], float]) -> float:
            return sum(value(step) / step.every for step in self.steps)

        return {
            "seconds_per_kimg": update(lambda s: s.seconds) * 1000 / images,
            "tflop_per_image": update(lambda s: s.flop) / self.batch / 1e12,
            "gib_of_temporaries_per_image": max(s.temporaries for s in self.steps)
            / (self.batch * 2**30),
            "dilated_convolutions": float(sum(s.dilated for s in self.steps)),
            "grouped_convolutions": float(sum(s.grouped for s in self.steps)),
            "all_gathers": float(
                sum(s.collectives.get("all-gather", 0) for s in self.steps)
            ),
        }


class CompileOnlyDevices(Devices):
    """GPUs that steps are compiled for ahead of time (AOT), and never run on."""

    def __init__(self, gpu: Gpu, count: int) -> None:
        topology = topologies.get_topology_desc(
            topology_name="compile_only",
            platform="cuda",
            target_config=(FOLDER / gpu.description).read_text(encoding="utf-8"),
            topology=f"1x1x{count}",
        )
        self.mapping = "shard_map"
        self.process_index, self.process_count, self.is_main = 0, 1, True
        self.local_count = self.count = count
        self.platform = "cuda"
        self._devices = list(topology.devices)
        self._mesh = topologies.make_mesh(topology, (count,), (AXIS,))

    def shard(self, tree: Any) -> Any:
        """Returns the shapes of a batch, laid out like one."""
        return self._lay(tree, PartitionSpec(AXIS))

    def replicate(self, tree: Any) -> Any:
        """Returns the shapes of a tree, laid out like a state."""
        return self._lay(tree, PartitionSpec())

    def _lay(self, tree: Any, spec: PartitionSpec) -> Any:
        sharding = NamedSharding(self._mesh, spec)
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(
                leaf.shape, leaf.dtype, sharding=sharding
            ),
            tree,
        )


def require_compiler() -> None:
    """Checks that jax can compile for NVIDIA GPUs.

    Raises:
      StudyError: the CUDA plugin is missing; says how to get it.
    """
    names = ("jax_cuda12_plugin", "jax_cuda13_plugin")
    if not any(importlib.util.find_spec(name) for name in names):
        raise StudyError(
            "jax has no CUDA compiler here. It needs no GPU, but an environment of its "
            "own: python -m venv gpu && gpu/bin/pip install 'synthjax[gpu-budget]', "
            "then run the same command with gpu/bin/python"
        )


def make_budgets(
    config: ResolvedConfig,
    gpu: Gpu,
    *,
    resolution: int,
    channels: int,
    labels: int = FINDINGS,
    counts: Iterable[int] = COUNTS,
) -> list[Budget]:
    """Compiles the steps of a config for GPUs, none of which is needed.

    Args:
      config: the gan section; every GPU takes a batch of its size.
      gpu: the kind.
      resolution: of the images, pixels.
      channels: of the images.
      labels: findings per image.
      counts: numbers of GPUs.

    Raises:
      StudyError: jax has no CUDA compiler.
    """
    require_compiler()
    jax.devices()  # before the topology: jax starts the backends that are there
    budgets = []
    for count in counts:
        devices = CompileOnlyDevices(gpu, count)
        plan = Plan(
            config,
            resolution=resolution,
            channels=channels,
            labels=labels,
            devices=devices,
            batch_size=config.batch_size * count,
        )
        say(f"gan: {count} compile-only GPU(s), {config.model} at {resolution} px")
        compiled = compile_ahead(
            plan.compilers(plan.arguments(plan.shapes()), _OPTIONS)
        )
        steps = tuple(
            step_cost(
                name,
                plan.every[name],
                kernels(executable.as_text()),
                executable.memory_analysis().temp_size_in_bytes,
                gpu,
                count,
            )
            for name, executable in compiled.items()
        )
        budgets.append(Budget(count, config.batch_size, steps))
    return budgets


def step_cost(
    name: str,
    every: int,
    launched: list[Kernel],
    temporaries: int,
    gpu: Gpu,
    count: int,
) -> StepCost:
    """Sums up the kernels of a step.

    Args:
      name: of the step.
      every: updates of the generator from one call to the next.
      launched: its kernels.
      temporaries: bytes of memory beside the state and the batch.
      gpu: the kind of GPU.
      count: GPUs.
    """
    collectives: Counter[str] = Counter()
    for kernel in launched:
        if kernel.kind in COLLECTIVES:
            collectives[kernel.kind] += round(kernel.calls)
    return StepCost(
        name=name,
        every=every,
        kernels=round(sum(k.calls for k in launched)),
        flop=sum(k.calls * k.flop for k in launched),
        bytes=sum(k.calls * k.bytes for k in launched),
        seconds=sum(k.calls * kernel_seconds(k, gpu, count) for k in launched),
        temporaries=temporaries,
        collectives=dict(collectives),
        dilated=sum(k.dilated for k in launched),
        grouped=sum(k.groups > 1 for k in launched),
    )


def kernel_seconds(kernel: Kernel, gpu: Gpu, count: int = 1) -> float:
    """Returns the least time of one launch, in seconds.

    A collective takes as long as a ring takes it: every array crosses each link
    2 (n - 1) / n times in a sum, half as often otherwise.
    """
    if kernel.kind in COLLECTIVES:
        crossings = (2 if kernel.kind == "all-reduce" else 1) * (count - 1) / count
        return crossings * kernel.bytes / gpu.link
    rate = gpu.products.get("exact" if kernel.exact else kernel.dtype, 0.0)
    rate = rate or gpu.products["f32"]
    return max(kernel.flop / rate, kernel.bytes / gpu.bandwidth)
