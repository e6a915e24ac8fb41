"""Writes a Whisper model of CTranslate2 as the files that OpenAI's package and transformers read.

Here are the files around the weights: dimensions, settings of the decoder, tokenizer. How the weights themselves are
read and renamed is the business of ``models.whisper_conversion``.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.models.whisper_conversion import (
    dimensions,
    openai_checkpoint,
    read_arrays,
    transformers_state,
)

Format = Literal["openai-whisper", "transformers"]


def convert(source: Path, target: Path, package: Format) -> Path:
    """Write the model in ``source`` for another package and return ``target``, which appears when it is whole.

    :param source: a folder with ``model.bin``, ``config.json`` and ``tokenizer.json``
    :param target: a file that ends in .pt for openai-whisper, a new folder for transformers
    :raises ArtefactError: ``source`` is no whole model, or ``target`` exists or cannot be written
    """
    if target.exists():
        raise ArtefactError(f"{target} exists; name a new place, or remove it")
    if package == "openai-whisper" and target.suffix != ".pt":
        raise ArtefactError(f"{target} does not end in .pt, which openai-whisper wants; name such a file")
    write: Mapping[Format, Callable[[Path, Path], None]] = {
        "openai-whisper": _write_openai,
        "transformers": _write_transformers,
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
            fresh = Path(scratch) / target.name
            write[package](source, fresh)
            fresh.rename(target)
    except OSError as error:
        raise ArtefactError(f"{target} could not be written ({error}); name another place") from error
    return target


def _write_openai(source: Path, file: Path) -> None:
    import torch

    torch.save(openai_checkpoint(read_arrays(source / "model.bin")), file)


def _write_transformers(source: Path, folder: Path) -> None:
    from transformers import WhisperForConditionalGeneration
    from transformers.utils.logging import disable_progress_bar

    arrays = read_arrays(source / "model.bin")
    settings = _settings(source)
    model = WhisperForConditionalGeneration(_config(dimensions(arrays), settings))
    model.load_state_dict(transformers_state(arrays))
    model.generation_config = _generation_config(settings)
    disable_progress_bar()
    model.save_pretrained(folder)
    shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}), encoding="utf-8"
    )


def _settings(source: Path) -> dict[str, Any]:
    """Return CTranslate2's settings of the decoder, and under ``tokens`` those that begin and end a text."""
    try:
        settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
        added = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
        ids = {token["content"]: token["id"] for token in added}
        start, end = ids["<|startoftranscript|>"], ids["<|endoftext|>"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{source} lacks a config.json and tokenizer.json of a Whisper model ({error})") from error
    ends = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), end)
    return settings | {"tokens": {"decoder_start_token_id": start, **ends}}


def _config(dims: Mapping[str, int], settings: Mapping[str, Any]) -> Any:
    from transformers import WhisperConfig

    return WhisperConfig(
        vocab_size=dims["n_vocab"],
        num_mel_bins=dims["n_mels"],
        d_model=dims["n_audio_state"],
        encoder_layers=dims["n_audio_layer"],
        decoder_layers=dims["n_text_layer"],
        encoder_attention_heads=dims["n_audio_head"],
        decoder_attention_heads=dims["n_text_head"],
        encoder_ffn_dim=4 * dims["n_audio_state"],
        decoder_ffn_dim=4 * dims["n_text_state"],
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **settings["tokens"],
    )


def _generation_config(settings: Mapping[str, Any]) -> Any:
    from transformers import GenerationConfig

    return GenerationConfig(
        suppress_tokens=settings["suppress_ids"],
        begin_suppress_tokens=settings["suppress_ids_begin"],
        alignment_heads=settings["alignment_heads"],
        **settings["tokens"],
    )
