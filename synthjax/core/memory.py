"""How much memory this process and its devices hold, and have held at most."""

import os
import resource
import sys
from pathlib import Path

import jax

_STATUS = Path("/proc/self/status")  # Linux
_PAGES = Path("/proc/self/statm")  # Linux: sizes in pages, the second is resident
_CLEAR = Path("/proc/self/clear_refs")  # Linux: "5" forgets the peak so far


def peak_bytes() -> int:
    """Returns the most resident memory that this process has held, in bytes.

    Linux keeps it as VmHWM. `ru_maxrss`, the fallback, there also counts what the
    parent held when it started this process, which may be far more.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024  # "VmHWM:   12345 kB"
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, others KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_bytes() -> int:
    """Returns the bytes that this process holds now.

    Where the system does not tell, it is the most that the process has held.
    """
    if not _PAGES.exists():
        return peak_bytes()
    pages = _PAGES.read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def reset_peak() -> bool:
    """Lets `peak_bytes` begin anew; returns whether the system can do so."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def device_peak_bytes() -> int:
    """Returns the most bytes held on the first device, on a CPU by this process."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("peak_bytes_in_use") or peak_bytes()
