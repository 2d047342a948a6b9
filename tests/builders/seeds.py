"""The seed of tests that draw their input at random.

It is SYNTHJAX_TEST_SEED, or a fixed number; such a test says in its failure how to draw
the same again, and another seed looks for other failures.
"""

import os

VARIABLE = "SYNTHJAX_TEST_SEED"
SEED = int(os.environ.get(VARIABLE, "0"))
REPEAT = f"drawn with {VARIABLE}={SEED}, which repeats it"
