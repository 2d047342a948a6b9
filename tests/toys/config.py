"""The tiny study with a model, a metric, a section and a source from outside."""

from ml_collections import ConfigDict

from configs import phantom_chest
from synthjax.data.sources.registry import SOURCES
from synthjax.gan.models import MODELS
from synthjax.metrics.registry import METRICS
from synthjax.report.sections import SECTIONS
from tests.toys import metric, model, section, source

MODELS["toy"] = model.MODEL
SOURCES["toy"] = source.SOURCE
METRICS["toy"] = metric.METRIC
SECTIONS.append(section.SECTION)


def get_config() -> ConfigDict:
    """The tiny study of the toys."""
    config = phantom_chest.get_config("tiny")
    config.data.source = "toy"
    config.gan.model = "toy"
    return config
