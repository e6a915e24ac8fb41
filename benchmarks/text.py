"""How many sentences a minute text emotion judges, and what coarse numbers and sorting by length bring a large one.

``python -m benchmarks.text --data goemotions/dev.tsv`` prints one JSON line. The predictor is measured whole, from
strings to results, features included, after one warm-up; the best of several rounds counts, since other work on the
machine can only slow it. The peer is the plain way to run DeBERTa-v3-base with transformers: float32, sentences in
their given order, 16 to a batch. It has random weights in the real shape, for speed does not depend on them.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.support.processor import processor
from emotion_pipeline.engine.emotion.encoder_inference import fastest, run_net
from emotion_pipeline.engine.emotion.encoder_net import EmotionNet
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.token_batches import batches_by_length
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.text.tokens import words

NOT_MEASURED: Final = "not measured"
PEER_BATCH: Final = 16
SECONDS_PER_MINUTE: Final = 60.0


def main(
    data: Annotated[Path, typer.Option(help="GoEmotions' TSV.")] = Path("../shared/data/goemotions/dev.tsv"),
    sentences: Annotated[int, typer.Option(help="How many of them; 0: all.")] = 0,
    large: Annotated[int, typer.Option(help="How many for the large encoder; 0: leave it out.")] = 512,
    rounds: int = 3,
    precision: Annotated[str, typer.Option(help="Of the large encoder, ours; auto suits the processor.")] = "auto",
) -> None:
    """Print the figures as one JSON line."""
    texts = [line.split("\t")[0] for line in data.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = texts[: sentences or None]
    typer.echo(
        json.dumps({**processor(), **measure_predictor(texts, rounds), **measure_large(texts[:large], precision)})
    )


def measure_predictor(texts: Sequence[str], rounds: int) -> dict[str, Any]:
    """Sentences a minute of the predictor, and the share of its time that the 42 features take."""
    import torch

    predictor, extractor = EmotionPredictor(), FeatureExtractor()
    predictor.predict(texts[:256])
    extractor.extract(texts[:256])
    whole = _best_seconds(lambda: predictor.predict(texts), rounds)
    features = _best_seconds(lambda: extractor.extract(texts), rounds)
    gpu = torch.cuda.is_available()
    per_minute = round(SECONDS_PER_MINUTE * len(texts) / whole)
    return {
        "model": predictor.model_fingerprint,
        "sentences": len(texts),
        "threads": torch.get_num_threads(),
        "sentences_per_minute": NOT_MEASURED if gpu else per_minute,
        "gpu_sentences_per_minute": per_minute if gpu else NOT_MEASURED,
        "feature_share": round(features / whole, 3),
    }


def measure_large(texts: Sequence[str], precision: str) -> dict[str, Any]:
    """Our path (coarse numbers as the processor has them, sorted by length) and the peer, DeBERTa-v3-base shape."""
    if not texts:
        return {"deberta_v3_base_speedup": NOT_MEASURED}
    net = EmotionNet(_deberta_v3_base()).eval()
    rows = _token_rows(texts)
    features = np.zeros((len(rows), 42), np.float32)
    ready = fastest(net, precision)

    def ours() -> None:
        for part in batches_by_length(np.array([len(row) for row in rows])):
            run_net(ready, [rows[index] for index in part], features[part])

    def peer() -> None:
        for start in range(0, len(rows), PEER_BATCH):
            run_net(net, rows[start : start + PEER_BATCH], features[start : start + PEER_BATCH])

    run_net(ready, rows[:4], features[:4])
    run_net(net, rows[:4], features[:4])
    fast, slow = _best_seconds(ours, 2), _best_seconds(peer, 2)
    return {
        "deberta_v3_base_sentences": len(rows),
        "deberta_v3_base_sentences_per_minute": round(SECONDS_PER_MINUTE * len(rows) / fast),
        "peer": "transformers, float32, given order, batches of 16",
        "peer_sentences_per_minute": round(SECONDS_PER_MINUTE * len(rows) / slow),
        "deberta_v3_base_speedup": round(slow / fast, 2),
    }


def _deberta_v3_base() -> Any:
    """microsoft/deberta-v3-base's architecture (He et al., 2021) with random weights."""
    from transformers import DebertaV2Config, DebertaV2Model

    shape: dict[str, Any] = {
        "vocab_size": 128_100, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3_072, "relative_attention": True, "position_buckets": 256, "norm_rel_ebd": "layer_norm",
        "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
        "max_relative_positions": -1, "type_vocab_size": 0,
    }  # fmt: skip
    return DebertaV2Model(DebertaV2Config(**shape))


def _token_rows(texts: Sequence[str]) -> list[NDArray[np.int32]]:
    """Random ids, as many as a subword tokenizer makes of real sentences: about five for four words, and two marks."""
    chance = np.random.default_rng(0)
    return [chance.integers(10, 128_000, 2 + len(words(text)) * 5 // 4).astype(np.int32) for text in texts]


def _best_seconds(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    typer.run(main)
