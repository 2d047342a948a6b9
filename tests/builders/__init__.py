"""Builders of what tests read: images, DICOM files, trees of archives, records.

Plain functions without pytest, one subject a file; tests import them as
`from builders.dicom import ct`.
"""
