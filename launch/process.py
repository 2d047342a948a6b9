"""What a command's process is prepared for before anything large is imported.

Standard streams that are closed, and Ctrl-C at any time, twice too.
"""

import os
import select
import signal
import sys
from types import FrameType


class Interrupts:
    """Answers Ctrl-C with one line, whenever it comes and however often."""

    def __init__(self) -> None:
        self.message = "interrupted; nothing was begun"
        self.working = False  # whether there is work that can be left in good order
        self._pressed = self._said = False

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Lets work end in good order at the first Ctrl-C; else ends at once."""
        if self.working and not self._pressed:
            self._pressed = True
            raise KeyboardInterrupt
        self.say()
        os._exit(128 + signum)

    def say(self) -> None:
        """Says the message, once."""
        if not self._said:
            self._said = True
            try:
                os.write(2, f"\n{self.message}\n".encode())
            except OSError:
                pass  # nobody listens


interrupts = Interrupts()


def prepare() -> None:
    """Prepares this process, which was started for a command."""
    _open_closed_streams()
    # Where the starting shell ignores it, as for a job in the background, so do we.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupts.handle)


def _open_closed_streams() -> None:
    """Gives closed standard streams to nobody, lest a data file take their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def nobody_reads_output() -> bool:
    """Whether the reader of standard output has gone, as `head` does."""
    watcher = select.poll()
    watcher.register(1, 0)  # errors are reported without being asked for
    return any(event & select.POLLERR for _, event in watcher.poll(0))


def silence_output() -> None:
    """Sends what would still go to standard output nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
