"""One file, one whole study; each docstring has its purpose, numbers and command."""
