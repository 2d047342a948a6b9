"""Sets handed on: as files of other tools, and as the layouts of the sources."""
