"""Patients computed from geometry and physics; labels are true by design.

Chest radiographs: `solids` holds the closed-form chord lengths, `radiograph` the physics
between a line integral and what is shown; the files named chest_* hold who is imaged
(`chest_anatomy`), what is wrong (`chest_labels`, `chest_findings`) and how it projects
(`chest_projection`).

Head CT: the files named head_* hold who is imaged (`head_anatomy`, `head_brain`), which
haemorrhages they have (`head_labels`), where these are and what they push aside
(`head_haemorrhages`, `head_extent`, `head_place`), how a slice is painted
(`head_canvas`, `head_tissue`, `head_rendering`) and what the scanner makes of it
(`head_scanner`).
"""
