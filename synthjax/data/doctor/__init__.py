"""Examines a source before it is built: what is wrong, where, and the remedy.

`examine` lists the source, reads the header of every file, decodes a sample, and looks
at the rows, labels and splits. Its `Findings` print themselves; they are fatal if a build
would fail.
"""

from synthjax.data.doctor.examination import examine
from synthjax.data.doctor.findings import Finding, Findings

__all__ = ["Finding", "Findings", "examine"]
