"""One or many accelerators: who holds the weights, and which examples of a batch go where.

TensorFlow: `MirroredStrategy`. Every replica computes a part of the batch as a batch of its own: ghost batch norm
has its groups within a part, losses are means over a part, and gradients and moving statistics are averaged.
JAX: `keras.distribution.DataParallel`. The step is one computation on the whole batch, as on one device; only
where it happens and rounding differ. Several hosts take part where JAX's environment says so.
"""

import contextlib
import os

import keras
import tensorflow as tf

from training.config import ConfigError, TrainConfig

HOSTS_VARIABLE = "JAX_COORDINATOR_ADDRESS"


def replicas() -> int:
    """Parts of a batch that TensorFlow replicas compute at the same time; called where the model is traced."""
    if keras.backend.backend() != "tensorflow":
        return 1
    return tf.distribute.get_strategy().num_replicas_in_sync


def join_hosts() -> None:
    """On JAX, joins the other hosts of a run, if the environment names a coordinator. Before anything else."""
    if keras.backend.backend() != "jax" or HOSTS_VARIABLE not in os.environ:
        return
    import jax

    if not jax.distributed.is_initialized():
        jax.distributed.initialize()  # reads address, number of processes and own number from the environment


def is_first_host() -> bool:
    """Whether this process writes the run's files."""
    return host_number() == 0


def host_number() -> int:
    """This process among those of the run."""
    return _jax().process_index() if keras.backend.backend() == "jax" else 0


def host_count() -> int:
    """Processes of the run."""
    return _jax().process_count() if keras.backend.backend() == "jax" else 1


@contextlib.contextmanager
def placed(config: TrainConfig):
    """Models that are made and trained inside live on the run's devices, with several hosts on all of theirs.

    Raises:
        ConfigError: the run asks for more than there are.
    """
    wanted = config.runtime.devices
    if keras.backend.backend() == "jax":
        found = keras.distribution.list_devices()
        chosen = found if wanted == 0 or host_count() > 1 else _first(found, wanted)
        if len(chosen) == 1:
            yield
            return
        with keras.distribution.DataParallel(devices=chosen, auto_shard_dataset=False).scope():
            yield
        return
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    chosen = found if wanted == 0 else _first(found, wanted)
    if len(chosen) == 1:
        yield
        return
    with tf.distribute.MirroredStrategy([device.name for device in chosen]).scope():
        yield


def fetched_ahead(batches: tf.data.Dataset) -> tf.data.Dataset:
    """The batches, each copied to TensorFlow's GPU while the step before it is computed. Nothing may follow it.

    Replicas, and Keras on JAX, do so by themselves.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if keras.backend.backend() != "tensorflow" or not gpus:
        return batches
    return batches.apply(tf.data.experimental.prefetch_to_device(gpus[0].name, buffer_size=1))


def n_devices(config: TrainConfig) -> int:
    """How many devices `placed` takes."""
    if config.runtime.devices and host_count() == 1:
        return config.runtime.devices
    if keras.backend.backend() == "jax":
        return len(keras.distribution.list_devices())
    return len(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))


def check_parts(config: TrainConfig, n_3d: int, n_2d: int) -> None:
    """Refuses a batch that cannot be cut for accumulation and devices.

    Raises:
        ConfigError: the 3D-labelled or the 2D-labelled examples do not spread evenly, a part is not whole ghost
            groups, or TensorFlow is asked for accumulation on several devices, which Keras cannot do there.
    """
    accumulate, devices = config.optimizer.accumulate, n_devices(config)
    parts, group = accumulate * devices, config.model.ghost_group_size
    if parts == 1:
        return
    is_tensorflow = keras.backend.backend() == "tensorflow"
    if is_tensorflow and accumulate > 1 and devices > 1:
        raise ConfigError(
            f"optimizer.accumulate is {accumulate} on {devices} devices: expected 1 with TensorFlow, whose replicas "
            "cannot accumulate; KERAS_BACKEND=jax can"
        )
    for kind, n in (("3D", n_3d), ("2D", n_2d)):
        if n % parts:
            raise ConfigError(
                f"data.shares have {n} {kind}-labelled examples, expected a multiple of {parts} "
                f"(accumulate {accumulate} x devices {devices})"
            )
    # On JAX the batch of all devices is normalised as one.
    part = (n_3d + n_2d) // (parts if is_tensorflow else accumulate)
    if group and part % group:
        raise ConfigError(
            f"model.ghost_group_size is {group}, expected a divisor of a part of the batch: {part} examples "
            f"(accumulate {accumulate} x devices {devices})"
        )


def _first(found: list, n: int) -> list:
    if len(found) < n:
        raise ConfigError(f"runtime.devices asks for {n}, found {len(found)}")
    return found[:n]


def _jax():
    import jax

    return jax
