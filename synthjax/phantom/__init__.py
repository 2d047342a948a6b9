"""Patients computed from geometry and physics; labels are true by design.

A simulator to use alone: `chest` renders radiographs, `head` CT slices, and both take
numbers and give arrays. Every folder tells in its modules who is imaged (`anatomy`,
`brain`), what is wrong (`labels`, `findings`, `haemorrhages`), which of it one patient
has (`case`) and how it is shown (`rendering`). `solids` holds the chord lengths of solids
in closed form, and `radiograph` the physics between a line integral and what is seen.
"""
