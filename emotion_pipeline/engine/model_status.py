"""Which models a choice of back ends uses, whether their weights are here, and whether these are whole.

Nothing is fetched unless ``fetch`` is called, and nothing is loaded unless ``check`` is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, Final, Literal

from emotion_pipeline.engine.backends import BackendChoice, Backends, DiarizerChoice
from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.diarize.registry import DIARIZERS
from emotion_pipeline.engine.emotion.model import SHIPPED, check_model
from emotion_pipeline.engine.models.registry import BackendSpec
from emotion_pipeline.engine.models.weights import FolderWeights, Weights
from emotion_pipeline.engine.sentiment.registry import SENTIMENTS
from emotion_pipeline.engine.tone.registry import TONE_MODELS
from emotion_pipeline.engine.transcribe.registry import TRANSCRIBERS

# Where weights are: in files here, not here, inside a package, with a service; or the back end cannot be used.
State = Literal["here", "absent", "package", "service", "unusable"]

TEXT: Final = "text emotion"
TONE: Final = "tone"
_OURS: Final = "emotion-pipeline"


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """One component and the model that does its work."""

    component: str
    backend: str
    # What the weights are called; None where there is only one model.
    model: str | None
    state: State
    # Path of the weights.
    where: str | None
    # None where it cannot be known before the weights are here.
    fingerprint: str | None
    # Of weights that come inside a package, as that package states it.
    licence: str | None
    # Why it is unusable.
    problem: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What loading the weights of one component showed."""

    component: str
    model: str
    whole: bool
    # What is known of weights that are whole.
    facts: Mapping[str, Any]
    # What is wrong with others; it names the keys.
    problem: str | None


@dataclass(frozen=True, slots=True)
class _Component:
    """How one component is asked for what ``ModelInUse`` says; each function may raise ``EmotionPipelineError``."""

    name: str
    backend: str
    weights: Callable[[], Weights | None]
    fingerprint: Callable[[], str]
    carried_by: Callable[[], str | None]


def models_in_use(choice: BackendChoice) -> list[ModelInUse]:
    """Return what each component would use; a back end that cannot be used is listed with the reason."""
    return [_described(component) for component in _components(choice)]


def fetch(choice: BackendChoice) -> Iterator[tuple[str, Path | EmotionPipelineError]]:
    """Yield each component that has weights in files with where they lie now, or with why they do not."""
    for component in _components(choice):
        try:
            weights = component.weights()
            if weights is not None:
                yield component.name, weights.found() or weights.fetch()
        except EmotionPipelineError as error:
            yield component.name, error


def check(choice: BackendChoice) -> Iterator[Checked]:
    """Yield for each component that has weights in files what loading them shows."""
    for component in _components(choice):
        try:
            weights = component.weights()
        except EmotionPipelineError as error:
            yield Checked(component.name, component.backend, False, {}, str(error))
            continue
        if weights is not None:
            yield check_weights(component.name, weights)


def check_weights(component: str, weights: Weights) -> Checked:
    """Return what loading ``weights`` shows."""
    try:
        return Checked(component, weights.name, True, weights.check(), None)
    except EmotionPipelineError as error:
        return Checked(component, weights.name, False, {}, str(error))


def text_weights(folder: Path | None = None) -> Weights:
    """Return the weights of a text emotion model that training wrote, by default the shipped one."""
    return FolderWeights(folder or SHIPPED, check_model)


def _components(choice: BackendChoice) -> list[_Component]:
    backends = Backends(choice)
    return [
        _of("transcription", choice.transcriber, lambda: TRANSCRIBERS.spec(choice.transcriber),
            choice.transcriber_options, choice.transcriber_options.model, lambda: backends.transcriber.fingerprint),
        *([_diarization(choice.diarizer)] if choice.diarizer else []),
        _of(TONE, choice.tone, lambda: TONE_MODELS.spec(choice.tone),
            choice.tone_options, choice.tone_options.model, lambda: backends.tone.fingerprint),
        _Component(TEXT, "own" if choice.emotion_model else "shipped", lambda: text_weights(choice.emotion_model),
                   lambda: backends.emotion.model_fingerprint, lambda: None if choice.emotion_model else _OURS),
        _of("sentiment", choice.sentiment, lambda: SENTIMENTS.spec(choice.sentiment),
            None, None, lambda: backends.sentiment.fingerprint),
    ]  # fmt: skip


def _of(
    name: str,
    backend: str,
    spec: Callable[[], BackendSpec[Any]],
    options: Any,
    model: str | None,
    fingerprint: Callable[[], str],
) -> _Component:
    def weights() -> Weights | None:
        made = spec().weights
        return made(options) if made is not None else None

    return _Component(name, backend, weights, fingerprint, lambda: None if model else spec().carried_by)


def _diarization(choice: DiarizerChoice) -> _Component:
    def spec() -> BackendSpec[Any]:
        return DIARIZERS.spec(choice.name)

    def fingerprint() -> str:
        return choice.load().fingerprint

    return _of("diarization", choice.name, spec, None, None, fingerprint)


def _described(component: _Component) -> ModelInUse:
    model, where, state, fingerprint, licence = None, None, "service", None, None
    try:
        weights, carried_by = component.weights(), component.carried_by()
        licence = _licence(carried_by) if carried_by else None
        state = "package" if carried_by else "service"
        if weights is not None:
            model, found = weights.name, weights.found()
            state, where = ("here", str(found)) if found else ("absent", None)
        if state != "absent":
            fingerprint = component.fingerprint()
    except EmotionPipelineError as error:
        return ModelInUse(component.name, component.backend, model, "unusable", where, None, licence, str(error))
    return ModelInUse(component.name, component.backend, model, state, where, fingerprint, licence, None)


def _licence(distribution: str) -> str | None:
    """Return what an installed distribution says of its licence."""
    try:
        about = metadata(distribution).json
    except PackageNotFoundError:
        return None
    stated = about.get("license_expression") or about.get("license")
    if stated:
        return str(stated).partition("\n")[0]
    licences = (str(text) for text in about.get("classifier", ()) if str(text).startswith("License ::"))
    return next((text.rpartition(" :: ")[2] for text in licences), None)
