"""Metadata and dependencies; the build backend and the tools are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
source = (here / "synthjax" / "__init__.py").read_text(encoding="utf-8")
version = re.search(r'__version__ = "(.+)"', source).group(1)

# pydicom's decoders whose licence (MIT) goes with ours: of JPEG-LS and JPEG 2000. Pillow
# decodes JPEG with loss. python-gdcm (Apache-2.0) would decode all, but ends the process
# on some damaged files.
DICOM_DECODERS = ["pyjpegls>=1.5", "pylibjpeg>=2", "pylibjpeg-openjpeg>=2"]
# JPEG without loss and of 12 bits; under the GPL, version 3, which binds whoever passes
# it on.
DICOM_GPL_DECODERS = ["pylibjpeg>=2", "pylibjpeg-libjpeg>=2"]

setup(
    name="synthjax",
    version=version,
    description="Can synthetic medical images stand in for real ones? Measured.",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=[
        *find_packages(include=["synthjax", "synthjax.*"]),
        "synthjax.launch",
        "synthjax.configs",
    ],
    # A checkout has them at its top; installed, they lie within the package.
    package_dir={"synthjax.launch": "launch", "synthjax.configs": "configs"},
    package_data={
        "synthjax.bench": ["*.json", "*.txtpb"],
        "synthjax.evaluate": ["*.json"],
        "synthjax.report": ["templates/*"],
    },
    entry_points={"console_scripts": ["synthjax = synthjax.launch.__main__:main"]},
    python_requires=">=3.11",
    install_requires=[
        "absl-py>=2.1",
        "flax>=0.12,<0.13",
        "grain>=0.2.15,<0.3",
        "importlib_resources>=6",  # tensorflow-datasets needs and does not declare it
        "jax>=0.10,<0.13",
        "jaxtyping>=0.3",
        "jinja2>=3.1",
        "matplotlib>=3.9",
        "ml-collections>=1.1,<2",
        "numpy>=2.0",
        "optax>=0.2.5,<0.3",
        "orbax-checkpoint>=0.12,<0.13",
        "pillow>=11",
        "pyarrow>=18",
        "pydicom>=3,<4",
        "scikit-learn>=1.6",  # its scanned digits are the study of configs/digits.py
        "scipy>=1.14",  # distributions of the statistics
        "tensorflow-datasets>=4.9.9,<5",
        "tqdm>=4.66",
    ],
    extras_require={
        "beam": ["apache-beam>=2.70,<3"],  # builds on Dataflow, Flink or Spark
        "cuda": ["jax[cuda13]"],
        "dicom": DICOM_DECODERS,
        "dicom-gpl": [*DICOM_DECODERS, *DICOM_GPL_DECODERS],
        "gpu-budget": ["jax[cuda12]"],  # compiles for a compile-only GPU
        "pretrained": ["h5py>=3.11"],  # reads the weights that Keras publishes
        "tpu": ["jax[tpu]"],
        "tensorboard": ["tensorboardX>=2.6"],
        "video": ["imageio-ffmpeg>=0.6"],  # brings ffmpeg, which writes .mp4
        "notebooks": [
            "ipykernel>=6",
            "ipywidgets>=8.1",
            "nbclient>=0.10",
            "nbformat>=5.10",
        ],
        "test": [
            *DICOM_DECODERS,
            *DICOM_GPL_DECODERS,
            "apache-beam>=2.70,<3",
            "beartype>=0.20",  # checks jaxtyping's shapes while tests run
            "h5py>=3.11",
            "hypothesis>=6",
            "ipykernel>=6",
            "ipywidgets>=8.1",
            "jsonschema>=4.18",
            "keras>=3.8",  # its DenseNet is what ours must equal
            "mypy>=1.15",
            "nbclient>=0.10",
            "nbformat>=5.10",
            "packaging>=24",
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.11",
            "setuptools>=77",  # builds the package that a test installs
            "tensorboardX>=2.6",
        ],
    },
)
