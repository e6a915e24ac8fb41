"""Whisper through transformers: batched, with torch's fused attention, in bfloat16 where the device computes in it.

Checkpoints are folders or repositories with ``model.safetensors``. The library's ``generate`` for Whisper is made for
whole recordings, with windows, retries and timestamps of its own; what is decoded here is one item at most 30 s long,
so the general ``generate`` below it is called with the prompt. Library: https://github.com/huggingface/transformers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.models.devices import Precision, TorchDevice, torch_device, torch_precision
from emotion_pipeline.engine.transcribe.whisper.alignment import CrossAttention, aligned_text
from emotion_pipeline.engine.transcribe.whisper.recogniser import (
    MOST_TOKENS,
    Text,
    WhisperRecogniser,
    padded,
)
from emotion_pipeline.engine.transcribe.whisper.sampling import Draw, noises
from emotion_pipeline.engine.transcribe.whisper.weights import (
    NAMES,
    fetch_from_hub,
    found_from_hub,
    hub_name,
    identity,
    local_path,
    naming,
    unknown_name,
)
from emotion_pipeline.engine.transcribe.whisper.words import Vocabulary, vocabulary_of

if TYPE_CHECKING:
    import torch
    from transformers import WhisperForConditionalGeneration
    from transformers.modeling_outputs import BaseModelOutput

_FILES: Final = ("config.json", "generation_config.json", "model*.safetensors*", "tokenizer*.json", "vocab.json",
                 "merges.txt", "added_tokens.json", "special_tokens_map.json", "normalizer.json")  # fmt: skip
# Tokens of the smallest multilingual vocabulary; that of the English-only models has one less.
_FIRST_MULTILINGUAL: Final = 51_865


def transformers_whisper(
    model: str = "base",
    device: str = "auto",
    batch_size: int = 16,
    download_root: Path | None = None,
    precision: str = "auto",
) -> WhisperRecogniser:
    """Return a recogniser; nothing is loaded or checked before it is used.

    :param model: a published name such as ``base``, a repository of the hub, or a folder
    :param device: auto, cpu, cuda or mps
    :param batch_size: items that are decoded together
    :param download_root: the cache for downloads; by default the one that all packages of Hugging Face share
    :param precision: auto, float32, float16 or bfloat16
    """
    return WhisperRecogniser(_TransformersWhisper(model, device, download_root, precision), batch_size)


@dataclass(frozen=True, slots=True)
class _TransformersWhisper:
    """One checkpoint on one device in one precision; see ``WhisperPackage``."""

    model: str
    wanted_device: str
    download_root: Path | None
    wanted_precision: str

    @property
    def device(self) -> TorchDevice:
        return torch_device(self.wanted_device)

    @property
    def precision(self) -> Precision:
        return torch_precision(self.wanted_precision, self.device)

    @property
    def fingerprint(self) -> str:
        path = local_path(self.model)
        name = self._repository() if path is None else _identified(path)
        return f"transformers-whisper:{name}:{version('transformers')}:{self.precision}"

    def load(self) -> "_Loaded":
        import torch
        from safetensors import SafetensorError
        from transformers import AutoTokenizer, WhisperForConditionalGeneration

        folder = self.fetch()
        file = _weight_files(folder)[0]
        wrong_content = (SafetensorError, OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError)
        # The library draws random weights before it reads those of the file.
        with naming(file, *wrong_content), torch.random.fork_rng(devices=[]):
            loaded: Any = WhisperForConditionalGeneration.from_pretrained(
                folder, dtype=getattr(torch, self.precision), attn_implementation="sdpa", local_files_only=True,
                output_loading_info=True, ignore_mismatched_sizes=True,
            )  # fmt: skip
            model, report = loaded
            _refuse_parts(file, report)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer
            return _Loaded(model.to(self.device).eval(), tokenizer)

    def found(self) -> Path | None:
        folder = local_path(self.model) or found_from_hub(self._repository(), self.download_root, _FILES)
        return folder if folder and _listed(folder) else None

    def fetch(self) -> Path:
        return local_path(self.model) or fetch_from_hub(self._repository(), self.download_root, _FILES)

    def _repository(self) -> str:
        if (name := hub_name(self.model)) is None:
            raise unknown_name(self.model, NAMES)
        return name


def _identified(folder: Path) -> str:
    """Return a name that changes with the weights and with the settings beside them."""
    return f"{folder.name}@{identity([*_weight_files(folder), *sorted(folder.glob('*.json'))])}"


def _weight_files(folder: Path) -> list[Path]:
    files = _listed(folder)
    if not files:
        raise BackendUnavailableError(
            f"{folder} is no folder with model.safetensors, which transformers reads; correct WHISPER_MODEL"
        )
    return files


def _listed(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")])


def _refuse_parts(file: Path, report: Mapping[str, Any]) -> None:
    """Raise where some weights were not in the file, or some in it have no place in the model."""
    kinds = ("missing_keys", "unexpected_keys", "mismatched_keys")
    wrong = {kind.removesuffix("_keys"): sorted(map(str, report[kind])) for kind in kinds if report[kind]}
    if wrong:
        named = "; ".join(f"{kind}: {', '.join(keys)}" for kind, keys in wrong.items())
        raise BackendUnavailableError(
            f"the weights in {file} are not exactly those of the model that config.json describes ({named}); "
            f"fetch the checkpoint again, or set WHISPER_MODEL to another"
        )


class _Loaded:
    """See ``LoadedWhisper``."""

    def __init__(self, model: "WhisperForConditionalGeneration", tokenizer: Any) -> None:
        import torch
        from transformers import WhisperFeatureExtractor

        self._model = model
        self._features = WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)
        self.vocabulary: Vocabulary = vocabulary_of(
            tokenizer.token_to_id,
            lambda tokens: tokenizer.decode(list(tokens), skip_special_tokens=False),
            model.config.vocab_size >= _FIRST_MULTILINGUAL,
        )
        settings = model.generation_config
        layers = model.config.decoder_layers
        heads = getattr(settings, "alignment_heads", None) or product(
            range(layers // 2, layers), range(model.config.decoder_attention_heads)
        )
        decoder: Any = model.get_decoder()
        self._cross_attention = CrossAttention(
            [(layer.encoder_attn.q_proj, layer.encoder_attn.k_proj) for layer in decoder.layers],
            [(int(layer), int(head)) for layer, head in heads],
            model.config.decoder_attention_heads,
        )
        self._unspoken = torch.zeros(2, model.config.vocab_size, device=model.device)
        self._unspoken[:, [*(settings.suppress_tokens or ()), *self.vocabulary.special]] = -torch.inf
        self._unspoken[0, list(settings.begin_suppress_tokens or ())] = -torch.inf

    def language_probabilities(self, batch: Sequence[Channel]) -> list[Mapping[str, float]]:
        import torch

        languages = self.vocabulary.languages
        with torch.inference_mode():
            chances = self._after_start(self._encoded(batch))[:, list(languages.values())].softmax(dim=-1)
        return [dict(zip(languages, probabilities, strict=True)) for probabilities in chances.tolist()]

    def texts(self, batch: Sequence[Channel], language: str, draws: Sequence[Draw] | None) -> list[Text]:
        import torch

        prompt = self.vocabulary.prompt(language)
        with torch.inference_mode():
            encoded = self._encoded(batch)
            no_speech = self._after_start(encoded).softmax(dim=-1)[:, self.vocabulary.no_speech].tolist()
            texts = self._generated(encoded, prompt, draws)
            return [
                self._text(texts[at], no_speech[at], encoded[0][at], item, language) for at, item in enumerate(batch)
            ]

    def _encoded(self, batch: Sequence[Channel]) -> "BaseModelOutput":
        """Return what the encoder makes of each item, in it a tensor of shape (len(batch), 1500, width)."""
        features = self._features(
            padded(batch), sampling_rate=SAMPLE_RATE, return_tensors="pt", device=self._model.device.type
        )
        return self._model.get_encoder()(features.input_features.to(self._model.device, self._model.dtype))

    def _generated(
        self, encoded: "BaseModelOutput", prompt: list[int], draws: Sequence[Draw] | None
    ) -> list[tuple[list[int], float]]:
        """Return the text of each item and the logarithm of its probability."""
        import torch
        from transformers import GenerationConfig, GenerationMixin, LogitsProcessorList

        end, prompts = self.vocabulary.end, torch.tensor([prompt] * len(encoded[0]), device=self._model.device)
        choice = _choice(self._unspoken, len(prompt), end, draws)
        generated = cast(Any, GenerationMixin).generate(
            self._model,
            encoder_outputs=encoded,
            attention_mask=torch.ones(encoded[0].shape[:2], dtype=torch.long, device=self._model.device),
            decoder_input_ids=prompts,
            logits_processor=LogitsProcessorList([choice]),
            generation_config=GenerationConfig(
                max_new_tokens=MOST_TOKENS, do_sample=False, num_beams=1, eos_token_id=end, pad_token_id=end
            ),
        )
        texts = [_until(end, row) for row in generated[:, len(prompt) :].tolist()]
        return list(zip(texts, choice.log_probabilities.tolist(), strict=True))

    def _after_start(self, encoded: "BaseModelOutput") -> "torch.Tensor":
        """Return the logits of what follows the start of a transcript: languages, and nobody speaking."""
        import torch

        start = torch.full((len(encoded[0]), 1), self.vocabulary.start, device=self._model.device)
        return self._model(encoder_outputs=encoded, decoder_input_ids=start).logits[:, 0].float()

    def _text(
        self, text: tuple[list[int], float], no_speech: float, encoded: "torch.Tensor", item: Channel, language: str
    ) -> Text:
        tokens, log_probability = text
        decoder: Any = self._model.get_decoder()

        def logits_of(sequence: "torch.Tensor") -> "torch.Tensor":
            return self._model.proj_out(decoder(sequence, encoder_hidden_states=encoded[None], use_cache=False)[0][0])

        return aligned_text(
            tokens,
            log_probability,
            no_speech,
            item,
            (self.vocabulary.prompt(language), self.vocabulary.end),
            self._cross_attention,
            logits_of,
            self._model.device,
        )


def _until(end: int, tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(end)] if end in tokens else tokens


def _choice(unspoken: "torch.Tensor", n_prompt: int, end: int, draws: Sequence[Draw] | None) -> Any:
    """Return a processor that leaves each item one token, its next one, and sums up how probable those were.

    :param unspoken: what is added to the logits, -infinity for what may not be said, shape (2, n_tokens): for the first
        token, for later ones
    """
    import torch
    from transformers import LogitsProcessor

    class Choice(LogitsProcessor):
        log_probabilities = torch.zeros(1)

        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            place = input_ids.shape[1] - n_prompt
            logits = scores.float() + unspoken[min(place, 1)]
            ranked = logits
            if draws is not None:
                noise = torch.from_numpy(noises(draws, place, logits.shape[1])).to(logits.device)
                ranked = logits / draws[0].temperature + noise
            chosen = ranked.argmax(dim=-1, keepdim=True)
            gained = logits.log_softmax(dim=-1).gather(1, chosen)[:, 0].masked_fill(input_ids[:, -1] == end, 0.0)
            self.log_probabilities = gained if place == 0 else self.log_probabilities + gained
            return torch.full_like(logits, -torch.inf).scatter_(1, chosen, 0.0)

    return Choice()
