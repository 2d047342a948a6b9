"""How much memory this process has held."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")  # Linux


def peak_bytes() -> int:
    """The most resident memory that this process has held, in bytes.

    Linux keeps it as VmHWM. `ru_maxrss`, the fallback, there also counts what the
    parent held when it started this process, which may be far more.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024  # "VmHWM:   12345 kB"
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, others KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
