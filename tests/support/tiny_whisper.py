"""Whisper models of a few thousand weights, the same ones in the form of every package, with Whisper's real vocabulary.

``random_weights`` knows nothing and listens: what it says depends on the audio. ``speaking_weights`` says one phrase at
given times whatever it hears. Both are written by ``write_openai``, ``write_transformers`` and ``write_faster`` as the
files that are published for real models, so they go through the real loading code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import torch
import whisper
from whisper.model import ModelDimensions, Whisper, sinusoids
from whisper.tokenizer import Tokenizer, get_tokenizer

MULTILINGUAL: Final = 51_865
ENGLISH: Final = 51_864
_LAYERS: Final = 2
_HEADS: Final = 2
_FRAMES: Final = 1_500
_POSITIONS: Final = 448
_MEL_BINS: Final = 80
_ENDING: Final = 3.0
# How much the random model makes of differences between tokens.
_DECIDED: Final = 4.0
# How much louder a position speaks than the token that stands there.
_SURE: Final = 20.0
# How closely a position looks at its own time.
_SHARP: Final = 4.0

# By the names of the package openai-whisper.
Weights = dict[str, torch.Tensor]


def random_weights(n_vocabulary: int = MULTILINGUAL, width: int = 32, seed: int = 7) -> Weights:
    """Weights drawn with a seed: a text of a few tokens to some dozens, which depends on the audio.

    Each place of the text makes its end more probable, and the most probable token is so by far, as in a real model:
    rounding does not change what is said.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Whisper(_dimensions(n_vocabulary, width))
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=_spread(name, width))
        weights = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    end = weights["decoder.token_embedding.weight"][vocabulary_of(n_vocabulary).eot]
    weights["decoder.positional_embedding"] += torch.arange(_POSITIONS)[:, None] * end * _ENDING
    weights["decoder.ln.weight"] *= _DECIDED
    return weights


def _spread(name: str, width: int) -> float:
    if name == "decoder.token_embedding.weight":
        return 1.5 / width**0.5
    if name == "decoder.positional_embedding":
        return 0.5 / width**0.5
    return 2.0 / width**0.5


@dataclass(frozen=True)
class Said:
    """What a model says whatever it hears: pieces of text with the second at which each starts, and when it ends."""

    pieces: Sequence[tuple[str, float]]
    end_s: float
    language: str = "en"
    # Whether it believes that nobody speaks.
    no_speech: bool = False


def speaking_weights(said: Said, n_vocabulary: int = MULTILINGUAL, width: int = 64) -> Weights:
    """Weights of a model that says ``said``: layers pass on what they get, the position alone decides on the token.

    The encoder hands on its sinusoids, which are a code of time; the queries of the decoder are solved for, such that
    each position looks at the time of its own token.
    """
    weights = random_weights(n_vocabulary, width)
    for name, weight in weights.items():
        if ".out." in name or "mlp.2." in name or ".conv" in name:
            weights[name] = torch.zeros_like(weight)
    vocabulary = get_tokenizer(n_vocabulary >= MULTILINGUAL, language=said.language, task="transcribe")
    tokens = [vocabulary.encode(piece) for piece, _ in said.pieces]
    text = [token for piece in tokens for token in piece]
    times = [at for piece, (_, at) in zip(tokens, said.pieces, strict=True) for _ in piece]
    start = vocabulary.sot_sequence_including_notimestamps
    heard, first = [*start, *text], len(start) - 1

    embedding = torch.nn.functional.normalize(weights["decoder.token_embedding.weight"])
    places = torch.zeros(_POSITIONS, width)
    places[first : len(heard)] = _SURE * embedding[[*text, vocabulary.eot]]
    if vocabulary.language:
        places[0] += _SURE * embedding[vocabulary.to_language_token(said.language)]
    places[0] += (2 if said.no_speech else 0) * _SURE * embedding[vocabulary.no_speech]

    states = torch.nn.functional.layer_norm(embedding[heard] + places[: len(heard)], (width,))
    clock = torch.nn.functional.layer_norm(sinusoids(_FRAMES, width).float(), (width,))
    looks = torch.zeros(len(heard), width)
    looks[first:] = clock[[round(at * _FRAMES / 30) for at in [*times, said.end_s]]]
    query = torch.linalg.lstsq(states, _SHARP * looks, driver="gelsd").solution.T
    for layer in range(_LAYERS):
        attention = f"decoder.blocks.{layer}.cross_attn"
        weights[f"{attention}.query.weight"] = query
        weights[f"{attention}.query.bias"] = torch.zeros(width)
        weights[f"{attention}.key.weight"] = torch.eye(width)
    return weights | {
        "decoder.token_embedding.weight": embedding,
        "decoder.positional_embedding": places,
        "decoder.ln.weight": torch.full((width,), 4.0),
    }


def write_openai(weights: Weights, file: Path) -> Path:
    """Write the ``.pt`` file that openai-whisper loads."""
    torch.save({"dims": vars(_dimensions(*_shape(weights))), "model_state_dict": weights}, file)
    return file


def write_transformers(weights: Weights, folder: Path) -> Path:
    """Write the folder that transformers loads."""
    from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

    n_vocabulary, width = _shape(weights)
    vocabulary = vocabulary_of(n_vocabulary)
    start, end = vocabulary.sot, vocabulary.eot
    config = WhisperConfig(
        vocab_size=n_vocabulary, d_model=width, num_mel_bins=_MEL_BINS, max_source_positions=_FRAMES,
        max_target_positions=_POSITIONS, encoder_layers=1, decoder_layers=_LAYERS,
        encoder_attention_heads=1, decoder_attention_heads=_HEADS, encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width, decoder_start_token_id=start, bos_token_id=end, eos_token_id=end, pad_token_id=end,
        suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    lacking = model.load_state_dict({_hf_name(name): weight for name, weight in weights.items()}, strict=False)
    assert not lacking.unexpected_keys and set(lacking.missing_keys) <= {"proj_out.weight"}, lacking
    codes = (f"<|{code}|>" for code in vocabulary.all_language_codes)
    languages = {"lang_to_id": dict(zip(codes, vocabulary.all_language_tokens, strict=True))}
    model.generation_config = GenerationConfig(
        decoder_start_token_id=start, bos_token_id=end, eos_token_id=end, pad_token_id=end,
        suppress_tokens=list(vocabulary.non_speech_tokens),
        begin_suppress_tokens=[vocabulary.encode(" ")[0], end],
        alignment_heads=[[_LAYERS - 1, head] for head in range(_HEADS)],
        **(languages if n_vocabulary >= MULTILINGUAL else {}),
    )  # fmt: skip
    model.save_pretrained(folder)
    _hf_tokenizer(n_vocabulary).save_pretrained(folder)
    return folder


def write_faster(transformers_folder: Path, folder: Path) -> Path:
    """Write the folder that faster-whisper loads, converted from the one that transformers loads."""
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(transformers_folder), copy_files=["tokenizer.json"]).convert(str(folder))
    return folder


@cache
def vocabulary_of(n_vocabulary: int) -> Tokenizer:
    """Return the vocabulary of that many tokens as openai-whisper knows it."""
    return get_tokenizer(n_vocabulary >= MULTILINGUAL, language="en", task="transcribe")


@cache
def _hf_tokenizer(n_vocabulary: int) -> Any:
    from transformers import WhisperTokenizer
    from transformers.convert_slow_tokenizer import TikTokenConverter

    known = vocabulary_of(n_vocabulary)
    name = "multilingual" if n_vocabulary >= MULTILINGUAL else "gpt2"
    file = Path(whisper.__file__).parent / "assets" / f"{name}.tiktoken"
    vocab, merges = TikTokenConverter().extract_vocab_merges_from_model(str(file))
    tokenizer = WhisperTokenizer(vocab=vocab, merges=merges)
    special = sorted(known.special_tokens, key=known.special_tokens.__getitem__)
    tokenizer.add_tokens(["<|nocaptions|>" if one == "<|nospeech|>" else one for one in special], special_tokens=True)
    assert tokenizer.convert_tokens_to_ids("<|30.00|>") == n_vocabulary - 1
    return tokenizer


def _dimensions(n_vocabulary: int, width: int) -> ModelDimensions:
    return ModelDimensions(
        n_mels=_MEL_BINS, n_audio_ctx=_FRAMES, n_audio_state=width, n_audio_head=1, n_audio_layer=1,
        n_vocab=n_vocabulary, n_text_ctx=_POSITIONS, n_text_state=width, n_text_head=_HEADS, n_text_layer=_LAYERS,
    )  # fmt: skip


def _shape(weights: Weights) -> tuple[int, int]:
    n_vocabulary, width = weights["decoder.token_embedding.weight"].shape
    return n_vocabulary, width


_HF_NAMES: Final = (
    ("blocks.", "layers."), ("cross_attn_ln", "encoder_attn_layer_norm"), ("attn_ln", "self_attn_layer_norm"),
    ("cross_attn.", "encoder_attn."), (".attn.", ".self_attn."), ("mlp_ln", "final_layer_norm"), ("mlp.0", "fc1"),
    ("mlp.2", "fc2"), ("attn.query", "attn.q_proj"), ("attn.key", "attn.k_proj"), ("attn.value", "attn.v_proj"),
    ("attn.out", "attn.out_proj"), ("ln_post", "layer_norm"), ("decoder.ln.", "decoder.layer_norm."),
    ("token_embedding", "embed_tokens"), ("encoder.positional_embedding", "encoder.embed_positions.weight"),
    ("decoder.positional_embedding", "decoder.embed_positions.weight"),
)  # fmt: skip


def _hf_name(name: str) -> str:
    for ours, theirs in _HF_NAMES:
        name = name.replace(ours, theirs)
    return f"model.{name}"


@dataclass(frozen=True)
class TinyWhisper:
    """One model in a folder of its own, written in each form when it is first asked for."""

    folder: Path
    weights: Weights

    @cached_property
    def openai(self) -> Path:
        return write_openai(self.weights, self.folder / "tiny.pt")

    @cached_property
    def transformers(self) -> Path:
        return write_transformers(self.weights, self.folder / "transformers")

    @cached_property
    def faster(self) -> Path:
        return write_faster(self.transformers, self.folder / "faster")


# What the fixture ``tiny_model`` gives: a model by its name, see there.
TinyModel = Callable[[str], TinyWhisper]
