"""Commands: one file per arrow of the flow, and `launch.pipeline` for all of them."""

import sys

from . import process

if sys.argv[0] == "-m":  # `python -m launch.COMMAND`, before it is imported
    process.prepare()
