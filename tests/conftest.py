"""Four CPU devices for every test, and one tiny study shared by those that need it."""

import fcntl
import gc
import json
import os
import struct
from pathlib import Path

from builders.processes import fast_compile, user_env

ROOT = Path(__file__).parent.parent

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ |= fast_compile(devices=4)
os.environ["NPROC"] = "8"  # XLA's thread pool must hold four devices' collectives
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(ROOT / ".cache" / "xla")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"

import socket
import subprocess
import sys

import hypothesis
import jax
import jaxtyping
import numpy as np
import pytest

import builders.typechecker  # noqa: F401 (the hook below finds it by its name)

# Every call into these rooms is held against the shapes and types that it declares; the
# hook must be there before they are imported.
CHECKED = [
    f"synthjax.{room}" for room in ("statistics", "metrics", "gan", "classifier")
]
jaxtyping.install_import_hook(CHECKED, "builders.typechecker.check")

from synthjax import testing
from synthjax.gan.models import MODELS

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def run_pipeline(
    workdir: Path,
    *flags: str,
    config: str = "configs/phantom_chest.py:tiny",
    **env: str,
) -> subprocess.CompletedProcess[str]:
    """Runs `launch.pipeline` as a user does, in a process of its own."""
    command = [sys.executable, "-m", "launch.pipeline", f"--config={config}"]
    return subprocess.run(
        [*command, f"--workdir={workdir}", *flags],
        check=False,
        cwd=ROOT,
        env=user_env() | {"PYTHONWARNINGS": "default"} | env,
        capture_output=True,
        text=True,
        timeout=1200,
    )


@pytest.fixture(scope="session")
def pipeline():
    """The function that runs `launch.pipeline`."""
    return run_pipeline


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tiny study, made with the network cut off; tests only read it.

    The test processes share it: the first makes it while the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    workdir = shared / "tiny_study"
    with open(shared / "tiny_study.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (workdir / "report" / "report.html").exists():
            done = run_pipeline(workdir, PYTHONPATH=str(ROOT / "tests" / "offline"))
            assert done.returncode == 0, done.stderr[-4000:]
    return workdir


_MAPS = Path("/proc/self/maps")  # Linux
_MANY = 20_000  # memory mappings; the kernel's usual limit is 65,530


@pytest.fixture(scope="module", autouse=True)
def few_executables():
    """Lets compiled code go after a file of tests, once there is much of it.

    Each executable maps memory, and a process that passes the kernel's limit of mappings
    dies by a segmentation fault within XLA.
    """
    yield
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MANY:
        jax.clear_caches()
        gc.collect()


@pytest.fixture
def user_compile():
    """Compiles with optimisations, as for a user, where a test measures time."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture
def free_port() -> int:
    """A port of the loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_arrays(
    path: Path, arrays: dict[str, np.ndarray], metadata: dict | None = None
) -> Path:
    """Writes a .safetensors file as its format says, without that library."""
    types = {"float32": "F32", "float16": "F16", "int64": "I64"}
    header: dict = {"__metadata__": metadata} if metadata else {}
    offset = 0
    for name, array in arrays.items():
        end = offset + array.nbytes
        header[name] = {
            "dtype": types[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header).encode()
    parts = (array.tobytes() for array in arrays.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
    return path


@pytest.fixture(scope="session")
def write_safetensors():
    """The function that writes arrays, by their names, to a .safetensors file."""
    return write_arrays


@pytest.fixture(scope="session")
def toy():
    """The module `synthjax.testing`: a GAN that compiles in a moment."""
    return testing


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory):
    """A data directory that fits the toy; tests only read it."""
    return testing.write_toy_data(tmp_path_factory.mktemp("toy") / "data")


@pytest.fixture
def toy_model(monkeypatch):
    """Makes the linear GAN take the place of StyleGAN2 in the model table."""
    monkeypatch.setitem(MODELS, "stylegan2", testing.TOY_STYLEGAN2)
