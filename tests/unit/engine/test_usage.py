"""What computing took, told to whoever asked and to nobody else."""

import numpy as np

from emotion_pipeline.engine.models.usage import measured, note_batch, note_out_of_memory


def test_batches_are_counted_by_size() -> None:
    with measured("cpu") as usage:
        for size in (16, 16, 4):
            note_batch(size)
        note_out_of_memory()
    assert usage.batch_sizes == {16: 2, 4: 1}
    assert usage.out_of_memory == 1


def test_the_innermost_block_is_told() -> None:
    with measured("cpu") as outer:
        with measured("cpu") as inner:
            note_batch(2)
        note_batch(3)
    assert (inner.batch_sizes, outer.batch_sizes) == ({2: 1}, {3: 1})


def test_outside_of_a_block_nothing_is_kept() -> None:
    with measured("cpu") as usage:
        pass
    note_batch(5)
    note_out_of_memory()
    assert (usage.batch_sizes, usage.out_of_memory) == ({}, 0)


def test_memory_is_that_of_the_process_and_energy_is_unknown_on_a_cpu() -> None:
    with measured("cpu") as usage:
        held = np.ones(20_000_000)
    assert usage.peak_memory_bytes > held.nbytes
    assert usage.energy_joules is None
