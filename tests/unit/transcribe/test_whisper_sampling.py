"""Draws that follow the model's probabilities and nothing but the item."""

import numpy as np
import pytest

from emotion_pipeline.engine.transcribe.whisper.sampling import Draw, draw_for, noises


@pytest.mark.parametrize("temperature", [0.4, 1.0])
def test_tokens_are_drawn_as_often_as_they_are_probable(temperature: float) -> None:
    logits = np.array([1.0, 0.0, -0.5, -2.0, -np.inf])
    expected = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
    draw = Draw(seed=11, temperature=temperature)
    drawn = [int((logits / temperature + draw.noise(place, 5)).argmax()) for place in range(20_000)]
    shares = np.bincount(drawn, minlength=5) / len(drawn)
    assert np.abs(shares - expected).max() < 4 * np.sqrt(0.25 / len(drawn))


def test_equal_items_get_equal_draws_and_others_get_others(rng: np.random.Generator) -> None:
    item = rng.standard_normal(1_000).astype(np.float32)
    other = item.copy()
    other[500] = np.nextafter(other[500], np.float32(2))
    assert draw_for(item, 0.4) == draw_for(item.copy(), 0.4)
    assert draw_for(item[::2], 0.4) == draw_for(item[::2].copy(), 0.4)
    seeds = {draw_for(one, temperature).seed for one in (item, other) for temperature in (0.2, 0.4)}
    assert len(seeds) == 4


def test_places_do_not_repeat_each_other() -> None:
    draws = [Draw(1, 1.0), Draw(2, 1.0)]
    rows = np.concatenate([noises(draws, place, 50) for place in range(3)])
    assert rows.shape == (6, 50)
    assert np.isfinite(rows).all()
    assert len({row.tobytes() for row in rows}) == 6
