"""The command `synthjax`: `synthjax COMMAND --flags` runs one of its launchers."""

import ast
import importlib
import sys
from pathlib import Path

from . import process

FOLDER = Path(__file__).parent
NOT_COMMANDS = [
    "__init__",
    "__main__",
    "command",
    "config_flag",
    "explain",
    "process",
    "study",
]


def commands() -> dict[str, str]:
    """Returns what each command does, by its name: the first line of its docstring."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem not in NOT_COMMANDS:
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            found[path.stem] = (text or "").partition("\n")[0]
    return found


def usage() -> str:
    """Returns the help of the command itself."""
    lines = [f"  {name:<11} {line}" for name, line in commands().items()]
    return "\n".join(
        [
            "Can synthetic medical images stand in for real ones? Measured.",
            "",
            "synthjax COMMAND --config=NAME_OR_FILE --workdir=DIR [--flags]",
            "",
            *lines,
            "",
            "synthjax COMMAND --help says more. A study that takes about a minute:",
            "  synthjax pipeline --config=phantom_chest:tiny --workdir=tiny",
        ]
    )


def main() -> None:
    """Runs the command that is named first, with the flags after it."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help", "help"):
        print(usage())
        return
    if name not in commands():
        print(f"synthjax: there is no command {name!r}\n\n{usage()}", file=sys.stderr)
        sys.exit(2)
    process.prepare()
    module = importlib.import_module(f".{name}", __package__)
    # absl prints the documentation and the flags of the module that was started.
    sys.modules["__main__"].__doc__ = module.__doc__
    sys.argv = [f"synthjax {name}", *sys.argv[2:]]
    module.main()


if __name__ == "__main__":
    main()
