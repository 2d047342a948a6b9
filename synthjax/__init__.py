"""synthjax: can synthetic medical images stand in for real ones?

A study trains a label-conditional generator on real images, draws a synthetic twin of
the data set, trains the same classifier on both and measures the performance gap on
real test patients. See the README for the stages and `launch/` for the commands.
"""

__version__ = "0.1.0"
