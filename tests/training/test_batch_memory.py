"""Memory promises: what somebody still holds is never given out again, what nobody holds is."""

import gc

import tensorflow as tf

from training.batch_memory import Memory


def test_what_is_kept_is_not_given_out_again():
    memory = Memory((4, 5))
    first, second = memory.take(), memory.take()
    assert first is not second and first.shape == (4, 5)
    view, kept = first[1:], id(first)
    del first
    assert id(memory.take()) != kept  # the view keeps it
    del view
    assert id(memory.take()) == kept


def test_a_tensor_keeps_its_memory():
    memory = Memory((1000, 100))

    def make(step):
        array = memory.take()
        array[:] = step
        return array

    steps = tf.data.Dataset.range(6)
    batches = steps.map(lambda step: tf.numpy_function(make, [step], tf.uint8), num_parallel_calls=2)
    kept = list(batches)
    assert [int(batch[0, 0]) for batch in kept] == list(range(6))
    assert all((batch.numpy() == step).all() for step, batch in enumerate(kept))
    del kept
    gc.collect()
    for step, batch in enumerate(batches):
        assert (batch.numpy() == step).all()
    assert len(memory._arrays) < 12
