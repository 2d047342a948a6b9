"""One update of the GAN and of the classifier; as a program, in one of two processes.

usage: two_processes.py MAPPING PORT PROCESS DATA OUT
"""

import sys
from pathlib import Path

import jax
import numpy as np

from configs.phantom_chest import get_config
from synthjax.classifier import step as classifier_step
from synthjax.classifier.config import ClassifierConfig
from synthjax.core import rng
from synthjax.core.config import freeze
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.data.dataset import Dataset
from synthjax.data.store.feed import BatchOrder
from synthjax.gan.config import GanConfig
from synthjax.gan.labels import make_label_sampler
from synthjax.gan.models import make_networks
from synthjax.gan.presets import resolve
from synthjax.gan.state import build, make_optimizers
from synthjax.gan.step import make_steps

SEED, BATCH = 3, 16


def one_update(devices, data):
    """Parameters of both GAN networks and of the classifier, by path, after one update.

    All regularisers run; images come from the feed of the training split.
    """
    tiny = get_config("tiny")
    classifier = freeze(ClassifierConfig, tiny.classifier, "classifier")
    dataset = Dataset.open(data)
    schema = dataset.schema
    gan = resolve(freeze(GanConfig, tiny.gan, "gan"), schema.resolution)

    def batch():
        feed = dataset.feed(
            "train",
            batch_size=BATCH,
            seed=SEED,
            devices=devices,
            resident="always",
        )
        return feed.next()

    shape = {"resolution": schema.resolution, "channels": schema.channels}
    networks = make_networks(gan, **shape, labels=len(schema.labels))
    optimizers = make_optimizers(gan)
    steps = make_steps(gan, networks, optimizers, devices, SEED)
    label = dataset.table("train", images=False).label
    sampler = devices.replicate(make_label_sampler(label))
    state = devices.replicate(build(networks, optimizers, SEED))
    for step in steps.updates().values():
        state = step(state, batch(), sampler)
        devices.wait(state)

    trained = classifier_step.make_steps(classifier, schema, devices)
    key = rng.key(SEED, "test")
    judge = devices.replicate(trained.init(key))
    weight = np.ones(len(schema.labels), np.float32)
    terms = classifier_step.make_terms(3e-3, weight)
    judge = trained.update(judge, batch(), devices.replicate(key), terms)
    devices.wait(judge)

    trees = {"gan": (state.generator, state.discriminator), "judge": judge.params}
    leaves = jax.tree_util.tree_flatten_with_path(trees)[0]
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def rows_read(n, process, count):
    """The rows of the training split that a process reads in its first epoch."""
    order = BatchOrder(n, BATCH, SEED, process, count)
    return np.concatenate([order.indices(batch) for batch in range(n // BATCH)])


if __name__ == "__main__":
    mapping, port, process, data, out = sys.argv[1:]
    config = DevicesConfig(
        mapping=mapping,
        distributed=True,
        coordinator=f"127.0.0.1:{port}",
        process_count=2,
        process_id=int(process),
    )
    devices = make_devices(config)
    updated = one_update(devices, Path(data))
    n = len(Dataset.open(Path(data)).table("train", images=False).id)
    rows = rows_read(n, devices.process_index, devices.process_count)
    np.savez(f"{out}/{process}.npz", rows=rows, **updated)
    devices.barrier("end")
