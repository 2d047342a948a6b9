"""The paper's cohorts: which images of an archive are in which split, drawn exactly.

DuMont Schuette et al., npj Digital Medicine 4:141 (2021), compare real and synthetic
images in three benchmarks. What the text leaves out (seeds, the order of the steps) is
that of the authors' published program, AugustDS/synthetic-medical-benchmark, file
build_dataset/dataset_tool.py, read for its facts:

1. A class is a *combination* of labels. Combinations with few images are removed.
2. Head CT is balanced: all positive images, and as many without a finding.
3. The patients of what is left are split 80/10/10 into train, valid and test.
4. `resolution`: all train images, and valid and test sampled by combination.
   `classes:K`: the K most frequent combinations, the same number of images of each.
   `samples:N`: N train images of each of a few combinations, always the same tests.
"""

from synthjax.data.cohorts.combinations import combination_histogram
from synthjax.data.cohorts.draw import Cohort, draw_cohort
from synthjax.data.cohorts.rules import check_cohort, parse_cohort

__all__ = [
    "Cohort",
    "check_cohort",
    "combination_histogram",
    "draw_cohort",
    "parse_cohort",
]
