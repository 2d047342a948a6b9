"""Radiographs computed from solids of known attenuation; labels are true by design.

`solids` holds the closed-form chord lengths, `radiograph` the physics between a line
integral and an 8-bit picture; the files named chest_* hold the chest: who is imaged
(`chest_anatomy`), what is wrong (`chest_labels`, `chest_findings`) and how it projects
(`chest_projection`).
"""
