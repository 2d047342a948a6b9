"""The one door to several devices: pmap by default, shard_map by flag.

Step functions are written for one device, with collectives over the axis "data".
Only this module maps them. State is a plain replicated array without a device axis,
so checkpoints know nothing of the device count.
"""

import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from synthjax.core.devices_config import DevicesConfig, join
from synthjax.core.errors import StudyError

AXIS = "data"
T = TypeVar("T")


class Step:
    """A mapped step function; call it like the function it maps."""

    def __init__(self, fn: Callable[..., Any], mapper: Callable[..., Any]) -> None:
        self.traces = 0  # how often jax traced the function: more than 1 is a recompile
        self._call: Callable[..., Any] | None = None

        @functools.wraps(fn)
        def counted(*args: Any) -> Any:
            self.traces += 1
            return fn(*args)

        self._mapped = mapper(counted)

    def compile_ahead(self, *args: Any) -> "Step":
        """Compiles for arguments like `args`; later calls use that executable."""
        if jax.process_count() == 1:
            self._call = self.lower(*args).compile()
        return self

    def lower(self, *args: Any) -> Any:
        """The step lowered for arguments like `args`, by jax, to be compiled."""
        return self._mapped.lower(*args)

    def __call__(self, *args: Any) -> Any:
        return (self._call or self._mapped)(*args)


class Devices:
    """The devices of a run and how work is laid on them."""

    axis_name = AXIS

    def __init__(self, config: DevicesConfig) -> None:
        local = jax.local_devices()
        if config.count > len(local):
            raise StudyError(
                f"config.devices.count={config.count}, but this process has "
                f"{len(local)} {local[0].platform} device(s); ask for at most "
                f"{len(local)} (on a CPU, XLA_FLAGS="
                f"--xla_force_host_platform_device_count={config.count} gives more)"
            )
        if config.count and config.count < len(local) and jax.process_count() > 1:
            raise StudyError(
                "config.devices.count must be 0 (all devices) with several processes"
            )
        self.mapping = config.mapping
        self.process_index = jax.process_index()
        self.process_count = jax.process_count()
        self.is_main = self.process_index == 0
        self.local_count = config.count or len(local)
        self.count = self.local_count * self.process_count
        self.platform = local[0].platform
        if self.process_count > 1:
            self._devices = jax.devices()
        else:
            self._devices = local[: self.local_count]
        # pmap hands out and takes arrays of this process; shard_map global ones.
        spanned = self._devices if self.mapping == "shard_map" else self._local()
        self._mesh = Mesh(np.array(spanned), (AXIS,))

    def _local(self) -> list[jax.Device]:
        return [d for d in self._devices if d.process_index == self.process_index]

    def map_step(
        self,
        fn: Callable[..., Any],
        *,
        in_axes: tuple[int | None, ...],
        donate_state: bool = True,
        sharded_outputs: bool = False,
    ) -> Step:
        """Maps a one-device step over the devices.

        Args:
          fn: takes positional arguments alone, and may use collectives over "data".
          in_axes: for each argument 0 if it is a batch, split along axis 0, or None if
            it is the same on all devices, such as a state.
          donate_state: whether the first argument is overwritten (its buffers are
            reused).
          sharded_outputs: every output is a batch, concatenated along axis 0;
            otherwise every output is the same on all devices.
        """
        donate = (0,) if donate_state and not sharded_outputs else ()

        def mapper(counted: Callable[..., Any]) -> Callable[..., Any]:
            if self.mapping == "pmap":
                return jax.pmap(
                    counted,
                    axis_name=AXIS,
                    in_axes=in_axes,
                    out_axes=0 if sharded_outputs else None,
                    devices=self._devices if self.process_count == 1 else None,
                    donate_argnums=donate,
                )
            batch, replicated = PartitionSpec(AXIS), PartitionSpec()
            mapped = jax.shard_map(
                counted,
                mesh=self._mesh,
                in_specs=tuple(
                    replicated if axis is None else batch for axis in in_axes
                ),
                out_specs=batch if sharded_outputs else replicated,
                check_vma=False,
            )
            return jax.jit(mapped, donate_argnums=donate)

        return Step(fn, mapper)

    def shard(self, tree: Any) -> Any:
        """Lays this process's part of a batch (leading axis) on its devices."""
        sharding = NamedSharding(self._mesh, PartitionSpec(AXIS))

        def place(leaf: Any) -> jax.Array:
            leaf = np.asarray(leaf)
            if leaf.shape[0] % self.local_count:
                raise StudyError(
                    f"a batch of {leaf.shape[0]} does not divide by "
                    f"{self.local_count} devices; choose a multiple"
                )
            if self.mapping == "pmap":
                per_device = leaf.shape[0] // self.local_count
                leaf = leaf.reshape(self.local_count, per_device, *leaf.shape[1:])
            return jax.make_array_from_process_local_data(sharding, leaf)

        return jax.tree.map(place, tree)

    def local_part(self, array: np.ndarray) -> np.ndarray:
        """Returns this process's consecutive part of a global batch on the host."""
        local = len(array) // self.process_count
        return array[self.process_index * local :][:local]

    def replicate(self, tree: Any) -> Any:
        """Copies a tree to every device, as state or constants of a step."""
        sharding = NamedSharding(self._mesh, PartitionSpec())

        def place(leaf: Any) -> jax.Array:
            if self.process_count == 1:
                return jax.device_put(leaf, sharding)
            if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):  # a random key
                return jax.random.wrap_key_data(place(jax.random.key_data(leaf)))
            return jax.make_array_from_process_local_data(sharding, np.asarray(leaf))

        return jax.tree.map(place, tree)

    def gather(self, tree: Any) -> Any:
        """Sharded outputs as host arrays [global batch, ...], on every process."""

        def fetch(leaf: jax.Array) -> np.ndarray:
            if self.process_count == 1:
                host = np.asarray(leaf)
            elif self.mapping == "pmap":
                mine = [np.asarray(s.data) for s in leaf.addressable_shards]
                host = multihost_utils.process_allgather(
                    np.concatenate(mine), tiled=True
                )
            else:
                host = multihost_utils.process_allgather(leaf, tiled=True)
            if self.mapping == "pmap":
                host = host.reshape(-1, *host.shape[2:])
            return host

        return jax.tree.map(fetch, tree)

    @functools.cached_property
    def take(self) -> Step:
        """Takes items of replicated arrays: `take(arrays, indices)`.

        Every device takes those of its part of `indices` [batch], along axis 0; the
        outputs are sharded. It is one step for all callers, so that arrays of equal
        shapes compile it once.
        """
        return self.map_step(
            _take, in_axes=(None, 0), donate_state=False, sharded_outputs=True
        )

    def wait(self, tree: Any) -> None:
        """Waits for `tree` on a CPU, where collectives must not be dispatched ahead.

        XLA's CPU client runs collectives on a small thread pool: two steps in flight
        can each hold the threads that the other waits for.
        """
        if self.platform == "cpu":
            jax.block_until_ready(tree)

    def check_batch(self, size: int, key: str) -> None:
        """Raises StudyError unless a global batch of `size` divides by the devices."""
        if size % self.count:
            below = size // self.count * self.count
            near = [str(n) for n in (below, below + self.count) if n]
            raise StudyError(
                f"config.{key}={size} does not divide by {self.count} devices; "
                f"set it to {' or '.join(near)}, or set config.devices.count"
            )

    def agree(self, wish: bool, *, asking: bool) -> bool:
        """Whether any process wishes it, the same answer on all of them.

        Args:
          wish: of this process.
          asking: whether several processes ask each other now, which costs a
            collective and must be so on all of them; one process need not wait for it.
        """
        if self.process_count == 1:
            return wish
        return asking and bool(multihost_utils.process_allgather(np.array(wish)).any())

    def barrier(self, name: str) -> None:
        """Waits until every process is here."""
        if self.process_count > 1:
            multihost_utils.sync_global_devices(name)


def _take(arrays: T, indices: jax.Array) -> T:
    return jax.tree.map(lambda values: values[indices], arrays)


def sum_over_devices(tree: T) -> T:
    """The sum of a float32 tree over the devices, for use inside a step.

    One collective for the whole tree: a CPU pays a rendezvous for each array, and
    there the compiler does not combine them as it does for a GPU.
    """
    flat, unravel = ravel_pytree(tree)
    return unravel(jax.lax.psum(flat, AXIS))


def mean_over_devices(tree: T) -> T:
    """The mean of a float32 tree over the devices; see `sum_over_devices`."""
    flat, unravel = ravel_pytree(tree)
    return unravel(jax.lax.pmean(flat, AXIS))


def make_devices(config: DevicesConfig) -> Devices:
    """Joins the other processes if the config says so, then takes the devices.

    Call it before anything else uses jax: the CPU is divided only once.
    """
    forced = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if config.cpu_devices > 1 and not forced:
        # XLA runs many convolutions on one thread; a device per core uses them all.
        jax.config.update("jax_num_cpu_devices", config.cpu_devices)
        # XLA sizes its CPU thread pool by NPROC; a collective needs a thread for each
        # device, and more threads than cores cost a third of the speed by spinning.
        threads = max(config.cpu_devices, os.cpu_count() or 1)
        os.environ.setdefault("NPROC", str(threads))
    if config.distributed:
        join(config)
    return Devices(config)
