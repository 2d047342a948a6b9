"""What an extra installs goes with Apache-2.0, unless its name says that it does not."""

import re
import runpy
from importlib import metadata
from pathlib import Path

import pytest
import setuptools
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
# Licences that bind whoever passes on a program together with the package.
COPYLEFT = re.compile(r"(?<!L)GPL|(?<!Lesser )General Public License", re.IGNORECASE)


def requirements():
    """Extra -> its requirements, as setup.py says; "" has those of every install."""
    found = {}
    original, setuptools.setup = setuptools.setup, lambda **given: found.update(given)
    try:
        runpy.run_path(str(ROOT / "setup.py"))
    finally:
        setuptools.setup = original
    return {"": found["install_requires"], **found["extras_require"]}


def installed(names, seen):
    """Every distribution that the requirements bring, those that are installed here."""
    for text in names:
        requirement = Requirement(text)
        marker = requirement.marker
        if requirement.name in seen or (marker and not marker.evaluate({"extra": ""})):
            continue
        seen.add(requirement.name)
        try:
            found = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:
            continue
        yield found
        yield from installed(found.requires or (), seen)


def licence(distribution):
    said = distribution.metadata
    classifiers = [c for c in said.get_all("Classifier") or () if "License ::" in c]
    # Some packages put the whole text there; its first line says which it is.
    named = (said.get("License") or "").strip().splitlines()[:1]
    return " | ".join([said.get("License-Expression") or "", *named, *classifiers])


@pytest.mark.parametrize(
    "extra", [name for name in requirements() if name not in ("dicom-gpl", "test")]
)
def test_licences_of_an_extra_go_with_ours(extra):
    bound = {
        one.metadata["Name"]: licence(one)
        for one in installed(requirements()[extra], set())
        if COPYLEFT.search(licence(one))
    }
    assert not bound


def test_what_is_under_the_gpl_is_in_the_extra_that_says_so():
    gpl = "pylibjpeg-libjpeg"
    holders = [
        extra
        for extra, names in requirements().items()
        if gpl in [Requirement(name).name for name in names]
    ]
    assert holders == ["dicom-gpl", "test"]  # nobody passes on what tests need
