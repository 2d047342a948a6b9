"""The house rules that can be checked: who imports whom, and what an import costs."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "synthjax"
# The floors of the house, from the ground up: a room imports from lower floors alone.
FLOORS = (
    ("core",),
    ("statistics", "phantom"),
    ("data", "metrics"),
    ("classifier",),
    ("encoders",),  # one of them is the classifier's network
    ("gan",),  # its early stop measures with an encoder
    ("synth", "evaluate", "bench", "report"),
    ("sections", "testing"),  # the config of a whole study; toys of any room
)
ONLY = {  # rooms that may reach less than their floor
    "report": {"core"},  # it reads files
    "gan": {"core", "metrics", "data", "encoders"},
    "synth": {"core", "data", "gan"},
    "bench": {"core", "phantom", "data", "gan"},
    "evaluate": {"core", "statistics", "metrics", "data", "classifier", "encoders"},
}
LIBRARIES = ("statistics", "phantom", "metrics", "encoders")
FLAX = {
    *("layers", "equalized", "stylegan2", "cpd_gan", "prog_gan"),
    *("small", "densenet", "inception"),
}
FILES = sorted(PACKAGE.rglob("*.py"))


def imports(path):
    """Absolute names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def allowed():
    """For each room, the rooms that it may import from."""
    found = {}
    below = set()
    for floor in FLOORS:
        found |= {room: set(below) for room in floor}
        below |= set(floor)
    return found | ONLY


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_room_stands_on_a_floor():
    rooms = {room_of(path) for path in FILES} - {"__init__"}
    assert rooms == set(allowed())


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_from_lower_floors_alone(path):
    room = room_of(path)
    reached = {n.split(".")[1] for n in imports(path) if n.startswith("synthjax.")}
    above = reached - allowed().get(room, set()) - {room, "__version__"}
    arrows = [f"{path.relative_to(PACKAGE)} -> {other}" for other in sorted(above)]
    assert not arrows, f"forbidden: {', '.join(arrows)}; the floors are {FLOORS}"
    assert not any(n.split(".")[0] in ("launch", "configs") for n in imports(path))


def test_no_modules_import_each_other_in_a_circle():
    modules = {module_of(path): path for path in FILES}
    arrows = {
        name: {other for other in imports(path) if other in modules} - {name}
        for name, path in modules.items()
    }
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle: {' <- '.join(error.args[1])}")


def test_libraries_know_no_study():
    for path in FILES:
        if room_of(path) in LIBRARIES:
            banned = ("ml_collections", "synthjax.core.study")
            assert not [n for n in imports(path) if n.startswith(banned)], path


def test_synth_uses_of_gan_the_generator_alone():
    for path in (PACKAGE / "synth").rglob("*.py"):
        used = {n.split(".")[2] for n in imports(path) if n.startswith("synthjax.gan.")}
        assert used <= {"generator"}, path


def test_flax_linen_stays_in_the_networks():
    for path in FILES:
        if any(name.startswith("flax.linen") for name in imports(path)):
            assert path.stem in FLAX, path


def test_no_module_is_named_for_no_subject():
    assert not {p.stem for p in FILES} & {"util", "utils", "helpers", "common", "misc"}


@pytest.mark.slow
def test_import_is_quick_and_touches_no_device():
    script = (
        "import time; begin = time.monotonic()\n"
        "import synthjax; spent = time.monotonic() - begin\n"
        "assert spent < 1, spent\n"
        "import synthjax.sections, sys\n"
        "from jax._src import xla_bridge\n"
        "assert not xla_bridge.backends_are_initialized()\n"
        "assert not {'tensorflow', 'torch'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-W", "error::UserWarning", "-c", script]
    subprocess.run(command, check=True, cwd=PACKAGE.parent)
