"""Whisper through OpenAI's own package: the reference, in plain torch, in float16 on a GPU and in float32 elsewhere.

Checkpoints are the published ``.pt`` files, or one with the same content. Package: https://github.com/openai/whisper.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Final

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.hashing import sha256_of
from emotion_pipeline.engine.common.types import Channel
from emotion_pipeline.engine.models.devices import TorchDevice, torch_device
from emotion_pipeline.engine.transcribe.whisper.alignment import CrossAttention, aligned_text
from emotion_pipeline.engine.transcribe.whisper.recogniser import Text, WhisperRecogniser, padded
from emotion_pipeline.engine.transcribe.whisper.sampling import Draw, noises
from emotion_pipeline.engine.transcribe.whisper.weights import (
    fetch,
    identity,
    local_path,
    naming,
    published_name,
    unknown_name,
)
from emotion_pipeline.engine.transcribe.whisper.words import Vocabulary, vocabulary_of

if TYPE_CHECKING:
    import torch
    from whisper.decoding import DecodingResult, TokenDecoder
    from whisper.model import Whisper

# What torch and the package raise about files that are damaged or hold something else, depending on where it shows.
_WRONG_CONTENT: Final = (OSError, EOFError, UnpicklingError, RuntimeError, ValueError, LookupError, TypeError)


def openai_whisper(
    model: str = "base", device: str = "auto", batch_size: int = 16, download_root: Path | None = None
) -> WhisperRecogniser:
    """Return a recogniser; nothing is loaded or checked before it is used.

    :param model: a published name such as ``base``, ``large-v3`` or ``openai/whisper-base``, or a ``.pt`` file
    :param device: auto, cpu, cuda or mps
    :param batch_size: items that are decoded together
    :param download_root: where published checkpoints are kept; by default ``~/.cache/whisper``
    """
    return WhisperRecogniser(_OpenAIWhisper(model, device, download_root), batch_size)


@dataclass(frozen=True, slots=True)
class _OpenAIWhisper:
    """One checkpoint on one device; see ``WhisperPackage``."""

    model: str
    wanted_device: str
    download_root: Path | None

    @property
    def device(self) -> TorchDevice:
        # Its operators for Apple's GPUs are incomplete, so they are used only where somebody asks for them.
        chosen = torch_device(self.wanted_device)
        return "cpu" if self.wanted_device == "auto" and chosen == "mps" else chosen

    @property
    def fingerprint(self) -> str:
        precision = "float16" if self.device == "cuda" else "float32"
        return f"openai-whisper:{self._name()}:{version('openai-whisper')}:{precision}"

    def load(self) -> "_Loaded":
        import torch
        import whisper

        file = self.fetch()
        # The package draws random weights before it reads those of the file.
        with naming(file, *_WRONG_CONTENT), torch.random.fork_rng(devices=[]):
            model = whisper.load_model(str(file), device="cpu")
        # The package has no public table. A converted model is known by its name alone.
        heads = whisper._ALIGNMENT_HEADS.get(_published_as(sha256_of(file)) or file.stem)
        if heads is not None:
            with suppress(RuntimeError):  # of a model with as many layers and heads only
                model.set_alignment_heads(heads)
        return _Loaded(model, self.device)

    def found(self) -> Path | None:
        file = self._own_file() or self._published_file()[0]
        return file if file.is_file() else None

    def fetch(self) -> Path:
        own = self._own_file()
        if own is not None:
            return own
        file, url = self._published_file()
        sha256 = url.split("/")[-2]
        if not file.is_file() or sha256_of(file) != sha256:
            fetch(url, file, sha256)
        return file

    def _name(self) -> str:
        own = self._own_file()
        return self._published() if own is None else f"{own.stem}@{identity([own])}"

    def _own_file(self) -> Path | None:
        path = local_path(self.model)
        if path is not None and not path.is_file():
            raise BackendUnavailableError(f"{path} is a folder, openai-whisper reads a .pt file; correct WHISPER_MODEL")
        return path

    def _published(self) -> str:
        import whisper

        if (name := published_name(self.model)) is None:
            raise unknown_name(self.model, whisper.available_models())
        return name

    def _published_file(self) -> tuple[Path, str]:
        """Return where the published file is kept, and its address."""
        import whisper

        url = whisper._MODELS[self._published()]
        return (self.download_root or Path.home() / ".cache" / "whisper") / url.rpartition("/")[2], url


def _published_as(sha256: str) -> str | None:
    import whisper

    return next((name for name, url in whisper._MODELS.items() if url.split("/")[-2] == sha256), None)


class _Loaded:
    """See ``LoadedWhisper``."""

    def __init__(self, model: "Whisper", device: TorchDevice) -> None:
        from whisper.tokenizer import get_tokenizer

        heads = [(int(layer), int(head)) for layer, head in model.get_buffer("alignment_heads").indices().T]
        crosses = [block.cross_attn for block in model.decoder.blocks if block.cross_attn is not None]
        layers = [(cross.query, cross.key) for cross in crosses]
        self._cross_attention = CrossAttention(layers, heads, model.dims.n_text_head)
        # A sparse buffer cannot be moved to every device, and is not needed once the heads are known.
        model.register_buffer("alignment_heads", None, persistent=False)
        self._model = model.to(device).eval()
        self._half = device == "cuda"
        encoding = get_tokenizer(model.is_multilingual, num_languages=model.num_languages).encoding
        special = encoding.special_tokens_set
        self.vocabulary: Vocabulary = vocabulary_of(
            lambda name: encoding.encode_single_token(name) if name in special else None,
            lambda tokens: encoding.decode(list(tokens)),
            model.is_multilingual,
        )

    def language_probabilities(self, batch: Sequence[Channel]) -> list[Mapping[str, float]]:
        import torch

        with torch.inference_mode():
            _, found = self._model.detect_language(self._encoded(batch))
        return list(found)

    def texts(self, batch: Sequence[Channel], language: str, draws: Sequence[Draw] | None) -> list[Text]:
        import torch

        self.vocabulary.beginning(language)  # refuses a language that the model does not know
        with torch.inference_mode():
            encoded = self._encoded(batch)
            results = self._decoded(encoded, language, draws)
            return [self._text(*decoded, language) for decoded in zip(results, encoded, batch, strict=True)]

    def _encoded(self, batch: Sequence[Channel]) -> "torch.Tensor":
        """Return what the encoder makes of each item, shape (len(batch), 1500, width)."""
        import torch
        from whisper import log_mel_spectrogram

        # One by one: the function sets the floor of all that it is given by the loudest of them.
        bins, device = self._model.dims.n_mels, self._model.device
        mel = torch.stack([log_mel_spectrogram(audio, bins, device=device) for audio in padded(batch)])
        return self._model.encoder(mel.half() if self._half else mel)

    def _decoded(self, encoded: "torch.Tensor", language: str, draws: Sequence[Draw] | None) -> "list[DecodingResult]":
        from whisper.decoding import DecodingOptions, DecodingTask

        unspoken = [-1, *self.vocabulary.special]  # -1 stands for symbols that nobody says
        task = DecodingTask(
            self._model,
            DecodingOptions(language=language, without_timestamps=True, suppress_tokens=unspoken, fp16=self._half),
        )
        if draws is not None:
            task.decoder = _drawing(draws, len(self.vocabulary.prompt(language)), self.vocabulary.end)
        return task.run(encoded)

    def _text(self, result: "DecodingResult", encoded: "torch.Tensor", item: Channel, language: str) -> Text:
        return aligned_text(
            result.tokens,
            result.avg_logprob * (len(result.tokens) + 1),
            result.no_speech_prob,
            item,
            (self.vocabulary.prompt(language), self.vocabulary.end),
            self._cross_attention,
            lambda tokens: self._model.decoder(tokens, encoded[None])[0],
            self._model.device,
        )


def _drawing(draws: Sequence[Draw], n_prompt: int, end: int) -> "TokenDecoder":
    """Return a decoder that draws each item's next token by itself, where the package's own draws them together."""
    import torch
    from whisper.decoding import GreedyDecoder

    class Drawing(GreedyDecoder):
        def update(
            self, tokens: torch.Tensor, logits: torch.Tensor, sum_logprobs: torch.Tensor
        ) -> tuple[torch.Tensor, bool]:
            noise = torch.from_numpy(noises(draws, tokens.shape[1] - n_prompt, logits.shape[1])).to(logits.device)
            chosen = (logits.float() / draws[0].temperature + noise).argmax(dim=-1)
            ended = tokens[:, -1] == end
            log_probabilities = logits.float().log_softmax(dim=-1).gather(1, chosen[:, None])[:, 0]
            sum_logprobs += log_probabilities.masked_fill(ended, 0.0)
            tokens = torch.cat([tokens, chosen.masked_fill(ended, end)[:, None]], dim=-1)
            return tokens, bool((tokens[:, -1] == end).all())

    return Drawing(draws[0].temperature, end)
