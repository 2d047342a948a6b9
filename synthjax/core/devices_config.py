"""Which devices a study asks for, and joining the processes that hold them."""

import contextlib
import dataclasses

import jax

from synthjax.core.config import Config, field
from synthjax.core.errors import StudyError

MAPPINGS = ("pmap", "shard_map")


@dataclasses.dataclass(frozen=True)
class DevicesConfig(Config):
    """Which devices a study runs on."""

    count: int = field(
        0,
        "devices used in each process; 0 takes all of them",
        ge=0,
        affects_result=False,
    )
    cpu_devices: int = field(
        1,
        "devices that a CPU without accelerator is divided into",
        ge=1,
        affects_result=False,
    )
    mapping: str = field(
        "pmap", "how steps are mapped", one_of=MAPPINGS, affects_result=False
    )
    distributed: bool = field(
        False, "several processes, joined by jax.distributed", affects_result=False
    )
    coordinator: str = field(
        "", "host:port of process 0; empty lets jax detect it", affects_result=False
    )
    process_count: int = field(
        0, "processes in all; 0 lets jax detect it", ge=0, affects_result=False
    )
    process_id: int = field(
        -1, "this process; -1 lets jax detect it", ge=-1, affects_result=False
    )


def join(config: DevicesConfig) -> None:
    """Joins the other processes, once.

    Raises:
      StudyError: they cannot be joined.
    """
    if jax.distributed.is_initialized():
        return
    with contextlib.suppress(AttributeError):  # an option of older versions only
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            coordinator_address=config.coordinator or None,
            num_processes=config.process_count or None,
            process_id=None if config.process_id < 0 else config.process_id,
        )
    except (ValueError, RuntimeError) as error:
        raise StudyError(
            f"joining the other processes failed: {error}. Set config.devices."
            "coordinator=host:port, process_count and process_id on each, or start "
            "under Slurm or on a TPU pod, where they are detected"
        ) from error
