"""What a DenseNet trained on ImageNet photographs makes of an image."""

from pathlib import Path

import jax
import jax.numpy as jnp
from flax.traverse_util import unflatten_dict

from synthjax.classifier.networks.api import Network
from synthjax.classifier.networks.densenet import LAYERS, DenseNet, DenseNetConfig
from synthjax.classifier.networks.pretrained import read_pretrained
from synthjax.classifier.networks.weight_file import checksum
from synthjax.encoders.encoder import EncoderConfig, FunctionEncoder, in_parts
from synthjax.metrics.encoder import Encoder

SIDE = 224  # of the images that it was trained on, pixels
TORCH_EPSILON, KERAS_EPSILON = 1e-5, 1.001e-5  # of batch norm


def make_densenet(config: EncoderConfig, resolution: int, channels: int) -> Encoder:
    """Pooled features of images resized to 224 px, antialiased.

    Raises:
      StudyError: the file is not of this network, as `read_pretrained` says.
    """
    path = Path(config.path)
    torch = path.suffix == ".safetensors"
    epsilon = TORCH_EPSILON if torch else KERAS_EPSILON
    # The features do not need the head; 1000 is how many classes ImageNet has.
    module = DenseNet(DenseNetConfig(epsilon), 1000, LAYERS[config.name])
    network = Network(module, resolution, channels, SIDE, "antialias")
    found = read_pretrained(
        path,
        network,
        key=f"the encoder {config.name!r}, path",
        model=config.name,
        head=False,
    )
    variables = unflatten_dict(found)
    image = jax.ShapeDtypeStruct((1, resolution, resolution, channels), jnp.float32)
    size = jax.eval_shape(network.features, variables, image).shape[1]
    name = f"{config.name} (weights {checksum(path)[:8]}), {size}d"
    return FunctionEncoder(name, size, variables, in_parts(network.features))
