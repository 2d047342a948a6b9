"""The features of a DenseNet trained on ImageNet photographs."""

from pathlib import Path

import jax
import jax.numpy as jnp
from flax.traverse_util import unflatten_dict

from synthjax.classifier.networks.api import Network
from synthjax.classifier.networks.densenet import LAYERS, DenseNet, DenseNetConfig
from synthjax.classifier.networks.pretrained import read_pretrained
from synthjax.classifier.networks.weight_file import checksum
from synthjax.encoders.encoder import FunctionEncoder, in_parts
from synthjax.metrics.encoder import Encoder

SIDE = 224  # of the images that it was trained on, pixels
TORCH_EPSILON, KERAS_EPSILON = 1e-5, 1.001e-5  # of batch norm


def make_densenet(model: str, path: str, resolution: int, channels: int) -> Encoder:
    """Returns pooled features of images resized to 224 px, antialiased.

    Args:
      model: a key of LAYERS.
      path: its weights, as `read_pretrained` takes them.
      resolution: image side, pixels.
      channels: of the images.

    Raises:
      StudyError: the file is not of this network, as `read_pretrained` says.
    """
    file = Path(path)
    torch = file.suffix == ".safetensors"
    epsilon = TORCH_EPSILON if torch else KERAS_EPSILON
    # The features do not need the head; 1000 is how many classes ImageNet has.
    module = DenseNet(DenseNetConfig(epsilon), 1000, LAYERS[model])
    network = Network(module, resolution, channels, SIDE, "antialias")
    loaded = read_pretrained(
        file,
        network,
        key=f"the encoder {model!r}, path",
        model=model,
        head=False,
    )
    variables = unflatten_dict(loaded)
    image = jax.ShapeDtypeStruct((1, resolution, resolution, channels), jnp.float32)
    size = jax.eval_shape(network.features, variables, image).shape[1]
    name = f"{model} (weights {checksum(file)[:8]}), {size}d"
    return FunctionEncoder(name, size, variables, in_parts(network.features))
