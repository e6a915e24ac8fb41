"""Whisper through CTranslate2, with what faster-whisper has around it: int8 on a CPU, float16 on a GPU.

Where the processor computes in bfloat16, torch encodes: it takes a third of the time that CTranslate2 takes in int8.
Texts are decoded in int8 there, too. Checkpoints are folders or repositories with ``model.bin``. The batched pipeline
of faster-whisper believes every text and never decodes again, so the model is driven directly. On a GPU float16 rather
than bfloat16: the published weights are kept in it.
Packages: https://github.com/SYSTRAN/faster-whisper, https://github.com/OpenNMT/CTranslate2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.models.devices import check_name, torch_precision
from emotion_pipeline.engine.models.heaps import share_heaps
from emotion_pipeline.engine.models.packaged_whisper import PACKAGED, PackagedModel
from emotion_pipeline.engine.transcribe.whisper.recogniser import (
    MOST_TOKENS,
    Text,
    WhisperRecogniser,
    mel_frames,
    padded,
)
from emotion_pipeline.engine.transcribe.whisper.sampling import Draw
from emotion_pipeline.engine.transcribe.whisper.weights import (
    fetch_from_hub,
    found_from_hub,
    hub_name,
    identity,
    local_path,
    naming,
    published_name,
    unknown_name,
)
from emotion_pipeline.engine.transcribe.whisper.words import Vocabulary, vocabulary_of

if TYPE_CHECKING:
    import ctranslate2
    from ctranslate2.models import Whisper, WhisperGenerationResult

    from emotion_pipeline.engine.models.whisper_encoder import WhisperEncoder

_FILES: Final = ("model.bin", "config.json", "tokenizer.json")
_DEVICES: Final = ("auto", "cpu", "cuda")
# The precision that CTranslate2 does not have on a CPU, and torch has.
_ENCODER_ONLY: Final = "bfloat16"
# Items that are searched for texts at once on a CPU, where each takes 35 MB and more are not faster.
_SEARCHED_AT_ONCE: Final = 4
# Items that are drawn at once, since the logits of each take 46 MB.
_DRAWN_AT_ONCE: Final = 2
# Tokens that the most probable text is followed ahead of the drawn one.
_FEWEST_AHEAD, _MOST_AHEAD = 8, 32
# Texts followed at once. A call of ten minutes and 60 clips: word error rate 0.060 and 0.038 with 1, 0.054 and 0.035
# with 2, 0.051 and 0.041 with 5. The call takes as much processor time with 2 as with 1, and a tenth more with 5.
BEAM_SIZE: Final = 2
# A shorter item has so few words that the most probable token each time gives the most probable text (in 59 of 60
# clips), in two thirds of the time.
_BEAM_FROM_S: Final = 3.0


def faster_whisper(
    model: str = "tiny.en",
    device: str = "auto",
    batch_size: int = 16,
    download_root: Path | None = None,
    precision: str = "auto",
    threads: int | None = None,
    beam_size: int = BEAM_SIZE,
) -> WhisperRecogniser:
    """Return a recogniser; nothing is loaded or checked before it is used.

    :param model: a published name such as ``base`` or ``distil-large-v3``, a repository of the hub, or a folder
    :param device: auto, cpu or cuda
    :param batch_size: items that are decoded together
    :param download_root: the cache for downloads; by default the one that all packages of Hugging Face share
    :param precision: auto, int8, float32, float16, or what else CTranslate2 computes in on the device; bfloat16, on a
        CPU of the encoder alone
    :param threads: cores that it may use on a CPU; None is all
    :param beam_size: texts that are followed at once at temperature 0 in items of 3 s or more; 1, as in shorter items,
        takes the most probable token each time
    """
    return WhisperRecogniser(_FasterWhisper(model, device, download_root, precision, threads, beam_size), batch_size)


@dataclass(frozen=True, slots=True)
class _FasterWhisper:
    """One checkpoint on one device in one precision; see ``WhisperPackage``."""

    model: str
    wanted_device: str
    download_root: Path | None
    wanted_precision: str
    threads: int | None
    beam_size: int

    @property
    def device(self) -> str:
        from ctranslate2 import get_cuda_device_count

        check_name("device for CTranslate2", self.wanted_device, _DEVICES)
        has_gpu = self.wanted_device != "cpu" and get_cuda_device_count() > 0
        if self.wanted_device == "cuda" and not has_gpu:
            raise BackendUnavailableError(
                "device 'cuda' was asked for and CTranslate2 sees none; take device 'auto' or 'cpu', or install the "
                "driver, cuBLAS and cuDNN"
            )
        return "cuda" if has_gpu else "cpu"

    @property
    def precision(self) -> str:
        from ctranslate2 import get_supported_compute_types

        able = sorted(get_supported_compute_types(self.device) | ({_ENCODER_ONLY} if self.device == "cpu" else set()))
        if self.wanted_precision == "auto":
            if self.device == "cpu" and self._packaged and torch_precision("auto", "cpu") == _ENCODER_ONLY:
                return _ENCODER_ONLY
            wanted = "float16" if self.device == "cuda" else "int8"
            return wanted if wanted in able else "float32"
        check_name(f"precision for CTranslate2 on {self.device}", self.wanted_precision, ("auto", *able))
        return self.wanted_precision

    @property
    def fingerprint(self) -> str:
        path = local_path(self.model)
        name = self._published_identity() if path is None else _identified(path)
        versions = f"{version('faster-whisper')}+ctranslate2-{version('ctranslate2')}"
        return f"faster-whisper:{name}:{versions}:{self.precision},beam={self.beam_size},beam_from={_BEAM_FROM_S}"

    def _published_identity(self) -> str:
        return self._repository() if self._packaged is None else self._packaged.identity

    def load(self) -> "_Loaded":
        from ctranslate2.models import Whisper
        from tokenizers import Tokenizer

        folder = _whole(self.fetch())
        if self.device == "cpu":
            share_heaps()
        encoder = self._encoder(folder)
        with naming(folder / "model.bin", RuntimeError, ValueError, LookupError):
            computes_in = "int8" if encoder else self.precision
            model = Whisper(str(folder), device=self.device, compute_type=computes_in, intra_threads=self._threads)
        # tokenizers raises nothing narrower.
        with naming(folder / "tokenizer.json", Exception):
            return _Loaded(
                model, Tokenizer.from_file(str(folder / "tokenizer.json")), encoder, self._threads, self.beam_size
            )

    def _encoder(self, folder: Path) -> "WhisperEncoder | None":
        """Return the encoder where it is not CTranslate2 that computes it."""
        if self.device != "cpu" or self.precision != _ENCODER_ONLY:
            return None
        from torch import bfloat16

        from emotion_pipeline.engine.models.whisper_encoder import load_encoder

        return load_encoder(folder / "model.bin").to(bfloat16)

    @property
    def _threads(self) -> int:
        from joblib import cpu_count  # as many as a container may use, not as the machine has

        return self.threads or cpu_count()

    def found(self) -> Path | None:
        folder = local_path(self.model)
        if folder is None and self._packaged is not None:
            folder = self._packaged.found(self.download_root)
        elif folder is None:
            folder = found_from_hub(self._repository(), self.download_root, _FILES)
        return folder if folder and not _missing(folder) else None

    def fetch(self) -> Path:
        """Return the folder of the model: a path of the user, an installed package, the hub's cache, the hub."""
        if (folder := local_path(self.model)) is not None:
            return folder
        if self._packaged is not None:
            return self._packaged.fetch(self.download_root)
        return fetch_from_hub(self._repository(), self.download_root, _FILES)

    @property
    def _packaged(self) -> PackagedModel | None:
        """The model where installed packages carry it, else None."""
        model = PACKAGED.get(published_name(self.model) or "")
        return model if model is not None and model.is_installed() else None

    def _repository(self) -> str:
        from faster_whisper.utils import _MODELS, available_models  # the package has no public table

        name = published_name(self.model) or self.model
        if name in _MODELS:
            return _MODELS[name]
        if (repository := hub_name(self.model)) is None:
            raise unknown_name(self.model, available_models())
        return repository


def _identified(folder: Path) -> str:
    return f"{folder.name}@{identity([_whole(folder) / name for name in _FILES])}"


def _whole(folder: Path) -> Path:
    """Return the folder; raise where it lacks a file. The model itself does not need the tokenizer, but we do."""
    missing = _missing(folder)
    if missing:
        raise BackendUnavailableError(
            f"{folder} is no folder with a model for faster-whisper, {', '.join(missing)} is missing; convert one with "
            f"ct2-transformers-converter --copy_files tokenizer.json, or correct WHISPER_MODEL"
        )
    return folder


def _missing(folder: Path) -> list[str]:
    return [name for name in _FILES if not (folder / name).is_file()]


class _Loaded:
    """See ``LoadedWhisper``."""

    def __init__(
        self, model: "Whisper", tokenizer: Any, encoder: "WhisperEncoder | None", threads: int, beam_size: int
    ) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor
        from faster_whisper.tokenizer import Tokenizer as WhisperTokenizer

        self._model, self._encoder, self._threads, self._beam_size = model, encoder, threads, beam_size
        self._features = FeatureExtractor(feature_size=model.n_mels)
        self.vocabulary: Vocabulary = vocabulary_of(
            tokenizer.token_to_id,
            lambda tokens: tokenizer.decode(list(tokens), skip_special_tokens=False),
            model.is_multilingual,
        )
        symbols = WhisperTokenizer(tokenizer, multilingual=False).non_speech_tokens
        self._unspoken = [*symbols, *self.vocabulary.special]

    def language_probabilities(self, batch: Sequence[Channel]) -> list[Mapping[str, float]]:
        found = self._model.detect_language(self._encoded(batch))
        return [{token.strip("<|>"): chance for token, chance in chances} for chances in found]

    def texts(self, batch: Sequence[Channel], language: str, draws: Sequence[Draw] | None) -> list[Text]:
        searched = _SEARCHED_AT_ONCE if self._model.device == "cpu" else len(batch)
        together = _DRAWN_AT_ONCE if draws else searched
        texts: dict[int, Text] = {}
        sizes = [1 if draws or len(item) < _BEAM_FROM_S * SAMPLE_RATE else self._beam_size for item in batch]
        for beam_size in sorted(set(sizes), reverse=True):
            places = [place for place, size in enumerate(sizes) if size == beam_size]
            for group in (places[at : at + together] for at in range(0, len(places), together)):
                items = [batch[place] for place in group]
                drawn = [draws[place] for place in group] if draws else None
                texts.update(zip(group, self._finished(items, language, drawn, beam_size), strict=True))
        return [texts[place] for place in range(len(batch))]

    def _finished(
        self, batch: Sequence[Channel], language: str, draws: Sequence[Draw] | None, beam_size: int
    ) -> list[Text]:
        encoded = self._encoded(batch)
        prompt = self.vocabulary.prompt(language)
        if draws is None:
            results = self._generated(encoded, prompt, [[] for _ in batch], MOST_TOKENS, beam_size)
            texts = [_searched(result) for result in results]
        else:
            texts = self._drawn(encoded, prompt, draws)
        frames = [mel_frames(item) for item in batch]
        beginning = self.vocabulary.beginning(language)
        aligned = self._aligned(encoded, beginning, [text.tokens for text in texts], frames)
        return [
            Text(
                tokens=text.tokens,
                log_probability=text.log_probability,
                no_speech_probability=text.no_speech_probability,
                first_frames=_first_frames(alignment.alignments, len(text.tokens) + 1),
                probabilities=alignment.text_token_probs,
            )
            for text, alignment in zip(texts, aligned, strict=True)
        ]

    def _aligned(
        self,
        encoded: "ctranslate2.StorageView",
        beginning: list[int],
        tokens: Sequence[list[int]],
        frames: Sequence[int],
    ) -> list[Any]:
        """Return where in each item its tokens lie; on a CPU one item at a time, since each takes 100 MB."""
        from ctranslate2 import StorageView

        if self._model.device != "cpu":
            return self._model.align(encoded, beginning, list(tokens), list(frames))
        return [
            self._model.align(StorageView.from_array(item[np.newaxis]), beginning, [of_item], [length])[0]
            for item, of_item, length in zip(np.asarray(encoded), tokens, frames, strict=True)
        ]

    def _encoded(self, batch: Sequence[Channel]) -> "ctranslate2.StorageView":
        """Return what the encoder makes of each item, shape (len(batch), 1500, width)."""
        from ctranslate2 import StorageView

        # Silence is added to the audio, as Whisper was trained with it, not zeros to the spectrogram.
        features = np.stack([self._features(audio, padding=0) for audio in padded(batch)]).astype(np.float32)
        if self._encoder is not None:
            return StorageView.from_array(self._encoder.encode(features, self._threads))
        return self._model.encode(StorageView.from_array(np.ascontiguousarray(features)))

    def _generated(
        self,
        encoded: "ctranslate2.StorageView",
        prompt: list[int],
        begun: Sequence[list[int]],
        most: int,
        beam_size: int = 1,
        with_logits: bool = False,
    ) -> "list[WhisperGenerationResult]":
        """Return the most probable text of each item that begins as it is ``begun``, ``most`` tokens at most.

        Logits are those of the most probable token each time, so they are not had from a larger beam.
        """
        return self._model.generate(
            encoded,
            [prompt + tokens for tokens in begun],
            beam_size=beam_size,
            length_penalty=1,  # texts of a beam are compared by their mean, lest short ones win
            max_length=2 * most,  # the half of it is for the text
            return_scores=True,
            return_no_speech_prob=True,
            return_logits_vocab=with_logits,
            suppress_blank=not any(begun),  # it forbids the end as the next token, not only as the first one
            suppress_tokens=self._unspoken,
            sampling_temperature=0,
        )

    def _drawn(
        self, encoded: "ctranslate2.StorageView", prompt: list[int], draws: Sequence[Draw]
    ) -> "list[_TextSoFar]":
        """Return drawn texts.

        CTranslate2's own draws follow a generator that belongs to a thread and is seeded once, so equal items would
        differ. It is asked for the most probable text instead, and that is taken for as long as it is also the draw;
        from the first token on at which it is not, it is asked again.
        """
        texts = [_TextSoFar([], 0.0, 0.0) for _ in draws]
        ahead = _FEWEST_AHEAD
        while unfinished := [text for text in texts if not text.is_finished]:
            longest = max(len(text.tokens) for text in unfinished)
            self._draw_on(encoded, prompt, texts, draws, min(longest + ahead, MOST_TOKENS))
            followed = max(len(text.tokens) for text in texts) - longest
            ahead = min(max(2 * followed, _FEWEST_AHEAD), _MOST_AHEAD)
        return texts

    def _draw_on(
        self,
        encoded: "ctranslate2.StorageView",
        prompt: list[int],
        texts: Sequence["_TextSoFar"],
        draws: Sequence[Draw],
        most: int,
    ) -> None:
        """Let unfinished texts go on to ``most`` tokens; the logits go at the end, before there are others."""
        begun = [[] if text.is_finished else text.tokens for text in texts]
        probable = self._generated(encoded, prompt, begun, most, with_logits=True)
        for text, draw, result in zip(texts, draws, probable, strict=True):
            if not text.is_finished:
                text.follow(result, draw, self.vocabulary.end)


@dataclass(slots=True)
class _TextSoFar:
    """A text so far, and the logarithm of its probability."""

    tokens: list[int]
    log_probability: float
    no_speech_probability: float
    is_finished: bool = False

    def follow(self, probable: "WhisperGenerationResult", draw: Draw, end: int) -> None:
        """Add tokens drawn from the logits of the most probable text, up to the first one that is not also its own."""
        self.no_speech_probability = probable.no_speech_prob
        followed = [*probable.sequences_ids[0], end]
        for place in range(len(self.tokens), len(probable.logits[0])):
            logits = _on_cpu(probable.logits[0][place])
            token = int((logits / draw.temperature + draw.noise(place, len(logits))).argmax())
            self.log_probability += float(logits[token] - logits.max() - np.log(np.exp(logits - logits.max()).sum()))
            if token == end:
                self.is_finished = True
                return
            self.tokens.append(token)
            if len(self.tokens) == MOST_TOKENS:
                self.is_finished = True
                return
            if token != followed[place]:
                return


def _searched(result: "WhisperGenerationResult") -> _TextSoFar:
    """Return the best text of a beam; its score is the sum of logarithms over the number of its tokens."""
    tokens = list(result.sequences_ids[0])
    return _TextSoFar(tokens, result.scores[0] * len(tokens), result.no_speech_prob)


def _on_cpu(logits: "ctranslate2.StorageView") -> NDArray[np.float64]:
    from ctranslate2 import DataType, Device

    if logits.device != "cpu":
        logits = logits.to_device(Device.cpu)
    return np.array(logits.to(DataType.float32), dtype=np.float64)


def _first_frames(alignments: Sequence[tuple[int, int]], n: int) -> NDArray[np.int64]:
    """Return the frame at which each of ``n`` tokens begins; a path that leaves some out lets them begin at once."""
    first = np.zeros(n, dtype=np.int64)
    for token, frame in reversed(alignments):
        first[token] = frame
    return np.maximum.accumulate(first)
