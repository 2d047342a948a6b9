"""The house rules that can be checked: who imports whom, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "synthjax"
STAGES = ("data", "gan", "synth", "classifier", "evaluate", "report")
ALLOWED = {stage: {stage, "core", "data"} for stage in STAGES}
ALLOWED["synth"] |= {"gan"}
ALLOWED["evaluate"] |= {"classifier"}
ALLOWED["report"] = {"report", "core"}
ALLOWED["core"] = {"core"}
FLAX = {
    *("layers", "equalized", "stylegan2", "cpd_gan", "prog_gan"),
    *("small", "densenet", "inception"),
}


def imports(path):
    """Absolute names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_stage_imports_only_what_it_may(path):
    room = path.relative_to(PACKAGE).parts[0]
    rooms = {
        name.split(".")[1]
        for name in imports(path)
        if name.startswith("synthjax.") and name.split(".")[1] != "__version__"
    }
    assert rooms <= ALLOWED.get(room, set()), f"{path} reaches into {rooms}"
    assert not any(n.split(".")[0] in ("launch", "configs") for n in imports(path))


def test_synth_uses_of_gan_the_generator_alone():
    for path in (PACKAGE / "synth").glob("*.py"):
        used = {n.split(".")[2] for n in imports(path) if n.startswith("synthjax.gan.")}
        assert used <= {"generator"}, path


def test_flax_linen_stays_in_the_networks():
    for path in FILES:
        if any(name.startswith("flax.linen") for name in imports(path)):
            assert path.stem in FLAX, path


def test_no_module_is_named_for_no_subject():
    assert not {p.stem for p in FILES} & {"util", "utils", "helpers", "common", "misc"}


def test_import_is_quick_and_touches_no_device():
    script = (
        "import time; begin = time.monotonic()\n"
        "import synthjax; spent = time.monotonic() - begin\n"
        "assert spent < 1, spent\n"
        "import configs.sections, sys\n"
        "from jax._src import xla_bridge\n"
        "assert not xla_bridge.backends_are_initialized()\n"
        "assert not {'tensorflow', 'torch'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-W", "error::UserWarning", "-c", script]
    subprocess.run(command, check=True, cwd=PACKAGE.parent)
