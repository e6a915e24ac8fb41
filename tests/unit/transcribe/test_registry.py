"""Back ends found by name, and what is said about those that are not there."""

import pytest

from emotion_pipeline.engine.common.errors import BackendUnavailableError, UnknownBackendError
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.models.registry import BackendSpec, Registry
from emotion_pipeline.engine.transcribe.registry import TRANSCRIBERS, TranscriberOptions

SHAPES = Registry[str](
    "drawing",
    [
        BackendSpec("circle", "a round one", lambda size=1: f"circle of {size}", requires=("json", "os.path")),
        BackendSpec("square", "a square one", lambda: "square", requires=("no_such_package",), extra="squares"),
        BackendSpec("line", "a straight one", lambda: "line", requires=("no_such_package.part",)),
    ],
)


def test_a_back_end_is_made_with_the_options_that_it_is_given() -> None:
    assert SHAPES.load("circle") == "circle of 1"
    assert SHAPES.load("circle", size=3) == "circle of 3"


def test_an_unknown_name_is_answered_with_the_nearest_and_with_all() -> None:
    with pytest.raises(UnknownBackendError) as caught:
        SHAPES.load("sqare")
    assert str(caught.value) == (
        "there is no drawing back end 'sqare'; the ones that exist are circle, square, line; did you mean 'square'?"
    )


def test_a_name_like_no_other_is_answered_without_a_guess() -> None:
    with pytest.raises(UnknownBackendError, match=r"the ones that exist are circle, square, line$"):
        SHAPES.load("whale")


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    with pytest.raises(
        BackendUnavailableError, match=r"no_such_package; run: pip install 'emotion-pipeline\[squares\]'"
    ):
        SHAPES.load("square")


def test_a_missing_part_of_a_missing_package_is_named_too() -> None:
    with pytest.raises(BackendUnavailableError, match=r"no_such_package\.part; run: pip install emotion-pipeline$"):
        SHAPES.load("line")


def test_back_ends_are_listed_in_order_and_cannot_be_changed() -> None:
    assert list(SHAPES.specs) == ["circle", "square", "line"]
    with pytest.raises(TypeError):
        SHAPES.specs["circle"] = SHAPES.specs["square"]  # pyright: ignore[reportIndexIssue]


def test_the_default_transcriber_is_the_packaged_tiny_en_and_loads_nothing() -> None:
    before = LOADED.keys()
    transcriber = TRANSCRIBERS.load("faster-whisper", options=TranscriberOptions(device="cpu"))
    assert transcriber.fingerprint.startswith("faster-whisper:tiny.en@1a5afae06a4d:")
    assert LOADED.keys() == before


def test_the_key_of_a_service_is_in_no_representation_of_its_options() -> None:
    assert "hunter2" not in repr(TranscriberOptions(api_key="hunter2"))
