"""A training run: the parts wired together around Keras' `fit`, in a folder that it can be resumed from."""

import contextlib
import fcntl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import keras
import numpy as np
import tensorflow as tf

from posepile import skeletons
from posepile.mixture import Mixture, Share
from posepile.names import unknown_name
from posepile.skeletons import Skeleton
from posepile.skeletons.combine import side_by_side
from posepile.store import Store
from training import batch_parts, checkpoint, config_files, cost, devices, run_folder
from training.backbones.pretrained import load_imagenet
from training.build import build_model, transfer_weights
from training.config import ConfigError, DataConfig, TrainConfig
from training.input_pipeline import BatchLoader, dataset
from training.loss_by_store import LossByStore
from training.model import PoseEstimator
from training.optimizer import adam_of, build_optimizer
from training.run_parts import run_parts


def train(config: TrainConfig, stores: Sequence[Store | Path | str], run: Path | str) -> Path:
    """Trains a network from its start, or from the latest checkpoint of the run folder, to its end.

    A run that was interrupted at any moment and is started again ends with the weights of an uninterrupted
    one, bit by bit on the same machine.

    Args:
        config: everything that decides the weights.
        stores: the data sets that `config.data.shares` names, opened or as folders; others are ignored.
        run: the folder, made if need be.

    Returns:
        The run folder, now with the final weights (`training.run_folder.load_model`).

    Raises:
        ConfigError: the folder holds a run of another configuration, or data sets have changed; names fields.
        UnknownNameError: a share names a store that is not among the given ones.
        NonFiniteLossError, ExampleError: bad data; the last good checkpoint stays.
        RunStopped: a signal asked to stop; the state is saved.
        OutOfMemory: says the smallest change that would fit.
    """
    devices.join_hosts()
    if keras.backend.backend() == "jax":
        with contextlib.suppress(RuntimeError):  # TensorFlow has started already, and has what memory it took
            tf.config.set_visible_devices([], "GPU")  # it only runs the input pipeline then
    run = Path(run)
    run.mkdir(parents=True, exist_ok=True)
    opened = [store if isinstance(store, Store) else Store.open(Path(store)) for store in stores]
    with _lock(run):
        _refuse_other_config(run, config)
        mixture = build_mixture(config, opened)
        run_folder.save_acae(run, config)  # every host: each reads it below
        if devices.is_first_host():
            _save_facts(config, mixture, run)
        if not (run / run_folder.WEIGHTS_FILE).exists():
            _limit_threads(config)
            with devices.placed(config):
                model, step = _start(config, mixture.skeleton, run)
                _fit(config, model, mixture, opened, run, step)
                if devices.is_first_host():
                    run_folder.save_weights(run, model)
    return run


def resume(run: Path | str, stores: Sequence[Store | Path | str] | None = None) -> Path:
    """Goes on with a run, on the stores where they were, or where they are now."""
    run = Path(run)
    return train(config_files.load(run), stores or run_folder.store_paths(run), run)


def build_mixture(config: TrainConfig, stores: Sequence[Store | Path | str]) -> Mixture:
    """The mixture of a run. Raises UnknownNameError for a share whose store is not given, ConfigError."""
    opened = [store if isinstance(store, Store) else Store.open(Path(store)) for store in stores]
    by_id = {store.id: store for store in opened}
    if not config.data.shares:
        raise ConfigError("data.shares is empty, expected the stores of a batch and their examples")
    shares = []
    for store_id, per_batch in config.data.shares:
        if store_id not in by_id:
            raise unknown_name("store", store_id, by_id)
        if by_id[store_id].role == "test":
            raise ConfigError(f"data.shares names {store_id}, a test set, expected sets to train on")
        splits = ("train", "val") if store_id in config.data.with_validation_split else ("train",)
        shares.append(Share(by_id[store_id], per_batch, splits))
    return Mixture(shares, union_skeleton(config.data, [share.store for share in shares]), config.seed)


def union_skeleton(data: DataConfig, stores: Sequence[Store]) -> Skeleton:
    """The joints that the network predicts: those that 3D-labelled stores label.

    They stand in the order of `data.pile`, or in order of appearance, where joints of no pile come last.
    """
    parts = [store.info.as_skeleton() for store in stores if store.role != "2d"]
    union = side_by_side(parts, "union")
    if data.pile:
        in_pile = [joint for joint in skeletons.load(data.pile).joints if joint in set(union.joints)]
        union = union.select([*in_pile, *(j for j in union.joints if j not in set(in_pile))], "union")
    return skeletons.merged(union) if data.joints == "merged" else union


def _refuse_other_config(run: Path, config: TrainConfig) -> None:
    if not (run / config_files.CONFIG_FILE).exists():
        return
    differing = config_files.differences(config_files.load(run), config)
    if differing:
        raise ConfigError(
            f"{run} holds a run of another configuration, expected the same: {'; '.join(differing)}"
        )


def _save_facts(config: TrainConfig, mixture: Mixture, run: Path) -> None:
    run_folder.save_stores(run, mixture.stores)
    config_files.save(config, run)
    run_folder.save_environment(run)
    run_folder.save_model_facts(run, config, mixture.skeleton, mixture.stores)


def _limit_threads(config: TrainConfig) -> None:
    if config.runtime.compute_threads:
        with contextlib.suppress(RuntimeError):  # fixed once TensorFlow has computed something
            tf.config.threading.set_intra_op_parallelism_threads(config.runtime.compute_threads)


def _start(config: TrainConfig, skeleton: Skeleton, run: Path) -> tuple[PoseEstimator, int]:
    """The compiled model with the state of the latest checkpoint, or its initial one, and the steps done."""
    model = build_model(config, skeleton, run_folder.load_acae(run))
    optimizer = build_optimizer(config.optimizer, config.steps, config.precision, model.backbone)
    model.compile(optimizer=optimizer, jit_compile=run_folder.compiles_with_xla(config))
    optimizer.build(model.trainable_variables)
    saved = checkpoint.latest(run)
    if saved is not None:
        checkpoint.restore(model, saved)
        return model, saved.step
    if config.init_from:
        transfer_weights(load_initial(Path(config.init_from)), model)
    elif config.model.initial_weights == "imagenet":
        load_imagenet(model.backbone, config.model.backbone)
    return model, 0


def load_initial(source: Path) -> PoseEstimator:
    """The network to start from: a checkpoint file, or of a run folder the checkpoint before its last phase.

    The last phase adapts the weights to frozen batch norm, which training on would have to undo.
    """
    if source.is_file():
        run, saved = source.parent.parent, checkpoint.read(source)
    else:
        run = source
        before = checkpoint.path_of(run, config_files.load(run).switch_step)
        saved = checkpoint.read(before) if before.exists() else None
    if saved is None:
        return run_folder.load_model(run)
    model = run_folder.rebuild_model(run)
    checkpoint.restore(model, saved, optimizer=False)
    return model


def _fit(
    config: TrainConfig, model: PoseEstimator, mixture: Mixture, stores: Sequence[Store], run: Path, step: int
) -> None:
    loader = BatchLoader(config, mixture)
    devices.check_parts(config, loader.n_3d, loader.n_2d)
    model.by_store.metric = LossByStore([store.id for store in mixture.stores if store.role != "2d"])
    n_devices = devices.n_devices(config)
    print(f"{run.name}: {cost.estimate(model, config, n_devices)}", flush=True)
    parts = run_parts(config, model, mixture, stores, loader, run, step)
    data = training_data(config, loader)
    try:
        with parts.bar, parts.stopping:
            for first, last, window in chunks(step, config):
                model.fit(data(first), epochs=(last - first) // window, verbose=0, shuffle=False,
                          steps_per_epoch=window * config.optimizer.accumulate, callbacks=parts.callbacks)  # fmt: skip
    except Exception as error:
        _reraise(error, loader, model, config, n_devices)
    if config.optimizer.ema_momentum > 0:
        adam = adam_of(model.optimizer)
        adam.use_ema = True
        adam.finalize_variable_values(model.trainable_variables)


def training_data(config: TrainConfig, loader: BatchLoader) -> Callable[[int], tf.data.Dataset]:
    """A function: first step -> what `fit` takes, cut for accumulation and devices."""
    store_of = np.asarray(loader.mixture.rows(0)[0])[: loader.n_3d]  # 3D-labelled stores come first

    def batches(first: int) -> tf.data.Dataset:
        whole = batch_parts.with_store_numbers(dataset(loader, first), store_of)
        parts = config.optimizer.accumulate * devices.replicas()
        cut = batch_parts.in_parts(whole, loader.n_3d, loader.n_2d, parts)
        return batch_parts.of_host(cut, devices.host_number(), devices.host_count())

    def data(first: int):
        if devices.replicas() == 1:
            return devices.fetched_ahead(batches(first))
        # Every replica takes the next part in turn
        return tf.distribute.get_strategy().distribute_datasets_from_function(
            lambda _: batch_parts.as_floats(batches(first))
        )

    return data


def _reraise(error: Exception, loader: BatchLoader, model, config: TrainConfig, n_devices: int) -> NoReturn:
    """An error of the loader's threads as what it was, one of memory with advice, any other unchanged."""
    if loader.error is not None and isinstance(error, tf.errors.OpError):
        error = loader.error
    if not is_out_of_memory(error):
        raise error
    if error is loader.error:
        change = "--runtime.prefetch 1 --runtime.loader-threads 1 keep fewer batches in the main memory"
    else:
        change = cost.advice(model, config, (loader.n_3d, loader.n_2d), n_devices)
    estimate = cost.estimate(model, config, n_devices)
    raise cost.OutOfMemory(f"out of memory. {estimate}.\nThe smallest change: {change}") from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether TensorFlow, JAX or Python ran out of memory."""
    is_xla = type(error).__name__ in ("XlaRuntimeError", "JaxRuntimeError") and "RESOURCE_EXHAUSTED" in str(
        error
    )
    return is_xla or isinstance(error, tf.errors.ResourceExhaustedError | MemoryError)


def chunks(step: int, config: TrainConfig) -> Iterator[tuple[int, int, int]]:
    """Cuts the rest of a run into calls of `fit`: (first step, step after the last, steps of a Keras epoch).

    Epochs are the windows of the metrics file, so they end at multiples of `log_every`, also after a resume;
    no call crosses the switch to the last phase.
    """
    every = config.runtime.log_every
    for end in (config.switch_step, config.steps):
        while step < end:
            window = min(every - step % every, end - step)
            last = step + (end - step) // every * every if window == every else step + window
            yield step, last, window
            step = last


@contextlib.contextmanager
def _lock(run: Path):
    """Two processes in one folder would write over each other; the system frees the lock of a dead one."""
    if not devices.is_first_host():
        yield
        return
    with open(run / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{run}: another process is training in this folder") from None
        yield
