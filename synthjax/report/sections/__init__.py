"""The sections of the page as plain values: what each says, without how it looks.

A section whose numbers are not in the results is None, and the page leaves it out.
"""
