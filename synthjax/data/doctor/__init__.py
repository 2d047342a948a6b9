"""Validates a source before it is built: what is wrong, where, and the remedy.

`validate` lists the source, reads the header of every file, measures a sample of the
images, and looks at metadata, labels and splits. Its report prints itself; it is fatal
if a build would fail.
"""

from synthjax.data.doctor.diagnostics import Diagnostic, ValidationReport
from synthjax.data.doctor.validation import validate

__all__ = ["Diagnostic", "ValidationReport", "validate"]
