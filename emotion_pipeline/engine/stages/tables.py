"""The contract of every table: grain, key, columns with type, unit, range, meaning and origin.

The stages, the lake, Snowflake, the gates, Dagster's column schemas and the data dictionary are all made from it.
Labels and feature names are those of the engine's vocabulary modules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from emotion_pipeline.engine.audio.reject_reasons import RejectReason
from emotion_pipeline.engine.conversation.role_names import ROLES
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS, INTENSITIES, SUB_EMOTIONS
from emotion_pipeline.engine.sentiment.base import UnscoredReason
from emotion_pipeline.engine.sources.fetch_errors import FetchReason
from emotion_pipeline.engine.text.feature_table import FEATURES
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason

PARTITION_COLUMN: Final = "recording_date"
FINGERPRINT_COLUMN: Final = "model_fingerprint"

TEXT: Final = pa.string()
INTEGER: Final = pa.int64()
NUMBER: Final = pa.float64()
BOOLEAN: Final = pa.bool_()
DATE: Final = pa.date32()
TEXTS: Final = pa.list_(pa.string())


def _records(**fields: pa.DataType) -> pa.DataType:
    return pa.list_(pa.struct(list(fields.items())))


SPANS: Final = _records(start=NUMBER, end=NUMBER)
WORDS: Final = _records(text=TEXT, start=NUMBER, end=NUMBER, probability=NUMBER, speaker=TEXT)
PASSAGES: Final = _records(
    start=NUMBER,
    end=NUMBER,
    speaker=TEXT,
    average_log_probability=NUMBER,
    compression_ratio=NUMBER,
    no_speech_probability=NUMBER,
    temperature=NUMBER,
)
DROPPED: Final = _records(start=NUMBER, end=NUMBER, speaker=TEXT, reason=TEXT)
TURNS: Final = _records(start=NUMBER, end=NUMBER, speaker=TEXT, confidence=NUMBER)
REDACTED: Final = _records(start=NUMBER, end=NUMBER, speaker=TEXT, kind=TEXT)
SENTIMENTS: Final = _records(start=NUMBER, end=NUMBER, speaker=TEXT, label=TEXT, probability=NUMBER)
LABEL_SCORES: Final = _records(label=TEXT, probability=NUMBER)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it means, in which unit, and which values it may take.

    ``sources`` name the columns it is made from, as ``table.column``; a column without sources comes from outside.
    """

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the sentence that says what a row is, the columns that tell rows apart, and all columns in order.

    ``appended``: people add its rows one by one, and no run replaces them.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    upstream: tuple[str, ...] = ()
    appended: bool = False
    schema: pa.Schema = field(init=False, compare=False)

    def __post_init__(self) -> None:
        fields = [pa.field(column.name, column.type, nullable=column.nullable) for column in self.columns]
        object.__setattr__(self, "schema", pa.schema(fields))

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def names(self, requested: Iterable[str] | None = None) -> list[str]:
        """Return the names of all columns, or the requested ones; raises KeyError as ``column``."""
        return [self.column(name).name for name in (self.column_names if requested is None else requested)]

    def column(self, name: str) -> Column:
        """Return one column; raises KeyError naming table and column when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")


def _probability(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name, NUMBER, meaning, "probability", nullable, 0.0, 1.0)


def _optional_text(name: str, meaning: str, allowed: Iterable[str] | None = None) -> Column:
    return Column(name, TEXT, meaning, nullable=True, allowed=None if allowed is None else tuple(allowed))


def _carried(table: str, *columns: Column) -> tuple[Column, ...]:
    """Return columns that are handed on unchanged from ``table``."""
    return tuple(replace(column, sources=(f"{table}.{column.name}",)) for column in columns)


def _made_from(sources: Iterable[str], *columns: Column) -> tuple[Column, ...]:
    """Return columns that are all made from the same ``sources``."""
    return tuple(replace(column, sources=tuple(sources)) for column in columns)


RECORDING_DATE: Final = Column(
    PARTITION_COLUMN, DATE, "The day that the recording belongs to: its dated folder. The partition of every table."
)
RECORDING_ID: Final = Column(
    "recording_id",
    TEXT,
    "SHA-256 of the bytes of the source, in hexadecimal; of its address where no byte could be had.",
)
FILE: Final = Column(
    "file",
    TEXT,
    "Path of the recording inside its dated folder, with forward slashes; of one that lies elsewhere, its address.",
)
AUDIO_URI: Final = Column(
    "audio_uri",
    TEXT,
    "Where the 16 kHz FLAC copy lies that all later stages read, relative to the storage's root.",
)
RECORDING_SECONDS: Final = Column("recording_seconds", NUMBER, "Length of the recording.", "s", minimum=0.0)
LANGUAGE: Final = _optional_text(
    "language",
    "Language that is spoken, ISO 639-1; und where a recogniser of English alone does not understand it; null where "
    "nobody speaks, or nobody told.",
)
SEGMENT_ID: Final = Column(
    "segment_id", TEXT, "Names one segment by its recording, its place in it and its content: other words, other id."
)
FINGERPRINT: Final = Column(
    FINGERPRINT_COLUMN,
    TEXT,
    "What computed the row: back end, version and parameters. Rows of another fingerprint are computed anew.",
)

_ID_COLUMNS: Final = (RECORDING_DATE, RECORDING_ID, SEGMENT_ID)

RAW_AUDIO: Final = Table(
    name="raw_audio",
    grain="One row per recording that was found in a dated folder or is named there, whether it could be read or not.",
    key=(PARTITION_COLUMN, "file"),
    columns=(
        RECORDING_DATE,
        FILE,
        RECORDING_ID,
        Column("source_uri", TEXT, "Where the recording was found, without passwords and signatures."),
        _optional_text(
            "source_version",
            "What the source says of the state of its bytes, such as an ETag; null where it does not.",
        ),
        _optional_text("title", "Title that the source or a manifest gives."),
        _optional_text("channel_name", "Who published it: a video channel, an author."),
        Column("uploaded_on", DATE, "Day on which it was published.", nullable=True),
        _optional_text("extractor", "What read a video page, with its version."),
        _optional_text(
            "attributes",
            "The other columns of the manifest as a JSON object of texts, such as agent or queue, personal data taken "
            "out of the values as out of words; null where there are none.",
        ),
        Column("size_bytes", INTEGER, "Size of the source; null where no byte was had.", "byte", True, 0),
        Column("status", TEXT, "What became of the file.", allowed=("accepted", "rejected", "duplicate")),
        _optional_text(
            "reason",
            "Why the recording was rejected: its bytes could not be had, or not be used.",
            (*RejectReason, *FetchReason),
        ),
        _optional_text("detail", "The reason in words, naming what is wrong and what to do."),
        Column("warnings", TEXTS, "Which recommendations for recordings the file does not meet."),
        _optional_text("container", "Container format as the decoder names it."),
        _optional_text("codec", "Audio codec as the decoder names it."),
        Column("sample_rate_hz", INTEGER, "Sample rate of the source.", "Hz", nullable=True, minimum=1),
        Column("bit_depth", INTEGER, "Bits per sample, where the codec has such a thing.", "bit", True, 1, 64),
        Column("channels", INTEGER, "Channels of the source.", nullable=True, minimum=1),
        Column("seconds", NUMBER, "Decoded length, not what the header claims.", "s", True, 0.0),
        Column("peak_dbfs", NUMBER, "Highest absolute sample.", "dBFS", nullable=True, maximum=12.0),
        Column("rms_dbfs", NUMBER, "Root mean square level.", "dBFS", nullable=True, maximum=12.0),
        Column(
            "speaker_channels",
            INTEGER,
            "Channels with a speaker of their own: 2 for a person on each of two channels, else 1.",
            nullable=True,
            minimum=1,
            maximum=2,
        ),
        replace(AUDIO_URI, nullable=True),
        FINGERPRINT,
    ),
)

TRANSCRIPTS: Final = Table(
    name="transcripts",
    grain="One row per accepted recording.",
    key=(PARTITION_COLUMN, "recording_id"),
    upstream=("raw_audio",),
    columns=(
        *_carried("raw_audio", RECORDING_DATE, RECORDING_ID, FILE, AUDIO_URI),
        *_made_from(["raw_audio.seconds"], RECORDING_SECONDS),
        *_made_from(
            ["raw_audio.audio_uri"],
            Column(
                "status",
                TEXT,
                "Whether there were words: no_speech when voice activity found none, no_words when none was recognised "
                "or believed, failed when transcription did not come to an end: such a row is tried again.",
                allowed=("transcribed", "no_speech", "no_words", "failed"),
            ),
            _optional_text("reason", "Why it failed.", FailureReason),
            _optional_text("detail", "The reason in words, and what to do."),
            LANGUAGE,
            _probability(
                "language_probability",
                "How sure the recogniser is of the language; null where it cannot say or was told.",
                nullable=True,
            ),
            _optional_text(
                "speakers_by",
                "What told the speakers apart: their channel, their voices (the package's own diarizer), another "
                "diarizer or the service; assumed_one where nothing did, or a diarizer heard but one voice.",
                ("channel", "assumed_one", "voices", "diarizer", "service"),
            ),
            Column("text", TEXT, "All words in order of time."),
            Column("word_count", INTEGER, "Number of words.", "word", minimum=0),
            _probability(
                "mean_word_probability",
                "Mean probability of the words, 1 where the recogniser tells none; null where there are no words.",
                nullable=True,
            ),
            Column(
                "speech_seconds",
                NUMBER,
                "Seconds with speech, summed over speakers: cross-talk counts for each.",
                "s",
                minimum=0.0,
            ),
            Column("speech", SPANS, "Where there is speech, in seconds.", "s"),
            Column(
                "words",
                WORDS,
                "Each word with its times, probability and speaker; one of personal data reads as its kind, in "
                "brackets.",
            ),
            Column(
                "turns",
                TURNS,
                "Who speaks when, where voices on one channel were told apart, and how sure that is; else empty, null "
                "in rows from before the column existed.",
                nullable=True,
            ),
            Column(
                "passages",
                PASSAGES,
                "Each stretch that was decoded at once: mean log-probability (natural logarithm), compression ratio, "
                "the recogniser's own probability that nobody speaks, and the temperature that it was decoded at.",
            ),
            Column("dropped", DROPPED, "Where a text was recognised and not believed, and why."),
            Column("redacted", REDACTED, "Where personal data were said, and of which kind."),
            Column(
                "service_sentiments",
                SENTIMENTS,
                "A transcription service's own sentiment of each sentence; empty for other back ends.",
            ),
        ),
        FINGERPRINT,
    ),
)

SEGMENTS: Final = Table(
    name="segments",
    grain="One row per spoken segment: a sentence or turn of one speaker, at most 30 s.",
    key=(PARTITION_COLUMN, "segment_id"),
    upstream=("transcripts",),
    columns=(
        *_carried("transcripts", RECORDING_DATE, RECORDING_ID),
        *_made_from(["transcripts.recording_id", "transcripts.words"], SEGMENT_ID),
        *_carried("transcripts", FILE, AUDIO_URI, RECORDING_SECONDS, LANGUAGE),
        *_made_from(
            ["transcripts.words"],
            Column("segment_index", INTEGER, "Place in the recording, from 0.", minimum=0),
            Column("speaker", TEXT, "Who speaks, within this recording."),
        ),
        replace(
            _probability(
                "speaker_confidence",
                "How sure it is that this speaker of the recording speaks and not another, over the turns in the "
                "segment; null where voices were not compared.",
                nullable=True,
            ),
            sources=("transcripts.turns", "transcripts.words"),
        ),
        Column(
            "channel",
            INTEGER,
            "Channel of the stored copy on which the speaker is alone, from 0; null where all channels are mixed.",
            nullable=True,
            minimum=0,
            maximum=1,
            sources=("transcripts.speakers_by", "transcripts.words"),
        ),
        *_made_from(
            ["transcripts.words", "transcripts.dropped", "transcripts.speech"],
            Column("start_seconds", NUMBER, "Start of the first word, or of speech without words.", "s", minimum=0.0),
            Column("end_seconds", NUMBER, "End of the last word, or of speech without words.", "s", minimum=0.0),
        ),
        *_made_from(
            ["transcripts.words"],
            Column("text", TEXT, "The words of the segment; empty where somebody speaks and no words are believed."),
            Column("word_count", INTEGER, "Number of words.", "word", minimum=0),
            _probability("mean_word_probability", "Mean probability of the words.", nullable=True),
        ),
        FINGERPRINT,
    ),
)

LINGUISTIC_FEATURES: Final = Table(
    name="linguistic_features",
    grain="One row per segment: its 42 linguistic features.",
    key=(PARTITION_COLUMN, "segment_id"),
    upstream=("segments",),
    columns=(
        *_carried("segments", *_ID_COLUMNS),
        *_made_from(
            ["segments.text"],
            *(
                Column(item.name, NUMBER, item.meaning, item.unit, minimum=item.minimum, maximum=item.maximum)
                for item in FEATURES
            ),
        ),
        FINGERPRINT,
    ),
)

TONE_SCORES: Final = Table(
    name="tone_scores",
    grain="One row per segment: how it sounded.",
    key=(PARTITION_COLUMN, "segment_id"),
    upstream=("segments",),
    columns=(
        *_carried("segments", *_ID_COLUMNS),
        *_made_from(
            ("segments.audio_uri", "segments.start_seconds", "segments.end_seconds", "segments.speaker"),
            Column("tone", TEXT, "The most probable tone.", allowed=TONES),
            _probability("tone_probability", "Calibrated probability of that tone."),
            *(
                _probability(
                    f"probability_{tone}",
                    f"Probability that it sounds {tone}; null where the model has no such class.",
                    nullable=True,
                )
                for tone in TONES
            ),
            Column(
                "tone_uncertain",
                BOOLEAN,
                "Whether the most probable tone is less probable than 0.5; it is stored all the same.",
            ),
            *(
                Column(
                    dimension,
                    NUMBER,
                    f"{dimension.capitalize()} of the voice from 0 ({ends[0]}) to 1 ({ends[1]}); null where nothing "
                    f"was heard or the model does not tell. Good for an order, not for a distance.",
                    nullable=True,
                    minimum=0.0,
                    maximum=1.0,
                )
                for dimension, ends in (("valence", ("unpleasant", "pleasant")), ("arousal", ("still", "excited")))
            ),
        ),
        FINGERPRINT,
    ),
)

SENTIMENT_SCORES: Final = Table(
    name="sentiment_scores",
    grain="One row per segment: the sentiment of its words.",
    key=(PARTITION_COLUMN, "segment_id"),
    upstream=("segments",),
    columns=(
        *_carried("segments", *_ID_COLUMNS),
        *_made_from(
            ["segments.text"],
            Column(
                "sentiment_score",
                NUMBER,
                "From -1, most negative, to 1, most positive; null where the back end gave none.",
                nullable=True,
                minimum=-1.0,
                maximum=1.0,
            ),
            _optional_text("reason", "Why there is no score.", UnscoredReason),
        ),
        FINGERPRINT,
    ),
)

EMOTION_LABELS: Final = Table(
    name="emotion_labels",
    grain="One row per segment: what its words express.",
    key=(PARTITION_COLUMN, "segment_id"),
    upstream=("segments", "linguistic_features"),
    columns=(
        *_carried("segments", *_ID_COLUMNS),
        *_made_from(
            ("segments.text", "segments.language", *(f"linguistic_features.{feature.name}" for feature in FEATURES)),
            Column("base_emotion", TEXT, "The most probable base emotion.", allowed=BASE_EMOTIONS),
            _probability("base_probability", "Calibrated probability of the base emotion."),
            _optional_text(
                "sub_emotion",
                "The finer emotion below the base emotion, where there is one.",
                (sub for subs in SUB_EMOTIONS.values() for sub in subs),
            ),
            _probability("sub_probability", "Probability of the sub-emotion.", nullable=True),
            _optional_text("intensity", "How strong it is; null without an emotion to be strong.", INTENSITIES),
            _probability("intensity_probability", "Probability of the intensity.", nullable=True),
            Column(
                "uncertain",
                BOOLEAN,
                "True where the base probability lies below the confidence threshold, or the words are not English.",
            ),
            Column(
                "notices",
                TEXTS,
                "empty: no visible character; not_english: the model reads English only, and words in another language "
                "count as Neutral; cut: only the beginning was read.",
            ),
            Column("labels", TEXTS, "GoEmotions labels above their thresholds."),
            *(_probability(f"probability_{base.lower()}", f"Probability of {base}.") for base in BASE_EMOTIONS),
            Column("label_scores", LABEL_SCORES, "Probability of each of GoEmotions' 28 labels."),
        ),
        FINGERPRINT,
    ),
)

_TONES: Final = tuple(f"tone_scores.probability_{tone}" for tone in TONES)
_EMOTIONS: Final = tuple(f"emotion_labels.probability_{base.lower()}" for base in BASE_EMOTIONS)
_SENTIMENT: Final = "sentiment_scores.sentiment_score"

TONE_SENTIMENT: Final = Table(
    name="tone_sentiment",
    grain="One row per accepted recording (scope recording) and one per segment (scope segment).",
    key=(PARTITION_COLUMN, "subject_id"),
    upstream=("transcripts", "segments", "tone_scores", "sentiment_scores", "emotion_labels"),
    columns=(
        *_carried("transcripts", RECORDING_DATE, RECORDING_ID),
        Column(
            "scope", TEXT, "What the row is about.", allowed=("recording", "segment"), sources=("segments.segment_id",)
        ),
        Column(
            "subject_id",
            TEXT,
            "The recording_id or the segment_id, after scope.",
            sources=("transcripts.recording_id", "segments.segment_id"),
        ),
        *_carried("transcripts", FILE),
        *_made_from(
            _TONES,
            _optional_text(
                "emotion",
                "The acoustic tone; of a recording, that of its segments pooled by length and certainty. Null without "
                "segments.",
                TONES,
            ),
            _probability("emotion_score", "Calibrated probability of that tone.", nullable=True),
        ),
        Column("transcript", TEXT, "What was said.", sources=("transcripts.text", "segments.text")),
        Column(
            "sentiment_score",
            NUMBER,
            "Sentiment of the words from -1 to 1; of a recording, the mean over its segments by their words.",
            nullable=True,
            minimum=-1.0,
            maximum=1.0,
            sources=(_SENTIMENT, "segments.word_count"),
        ),
        Column(
            "tone_sentiment_match",
            TEXT,
            "Match where the tone is happy and the sentiment above 0, or angry and below 0; Do Not Match where it is "
            "happy or angry and the sentiment says otherwise; Unknown for every other tone.",
            allowed=("Match", "Do Not Match", "Unknown"),
            sources=(*_TONES, _SENTIMENT),
        ),
        *_made_from(
            _EMOTIONS,
            _optional_text(
                "text_emotion",
                "Base emotion of the words; of a recording, the one with the highest mean probability by words.",
                BASE_EMOTIONS,
            ),
        ),
        *_made_from(
            (*_TONES, _SENTIMENT, *_EMOTIONS),
            Column(
                "agreement_score",
                NUMBER,
                "How far tone and words lean to the same side: 1 surely the same, 0 as chance would have it, -1 surely "
                "opposite; of a recording, the mean over its segments by their length.",
                nullable=True,
                minimum=-1.0,
                maximum=1.0,
            ),
            Column(
                "masked",
                BOOLEAN,
                "Surely positive words in a surely negative voice, and no Match; null for a recording.",
                nullable=True,
            ),
            Column(
                "leaking",
                BOOLEAN,
                "Surely negative words in a surely positive voice, and no Match; null for a recording.",
                nullable=True,
            ),
            Column(
                "contradictory",
                BOOLEAN,
                "The sentiment of the words clearly has the other sign than their base emotion; false for a recording.",
            ),
            _probability("masked_share", "Share of a recording's segments, by length, that is masked.", nullable=True),
            _probability(
                "leaking_share", "Share of a recording's segments, by length, that is leaking.", nullable=True
            ),
        ),
        FINGERPRINT,
    ),
)

_SEGMENT_TIMES: Final = ("segments.speaker", "segments.start_seconds", "segments.end_seconds")


def _measured(
    name: str, meaning: str, unit: str = "s", *, minimum: float | None = 0.0, maximum: float | None = None
) -> Column:
    return Column(name, NUMBER, meaning, unit, nullable=True, minimum=minimum, maximum=maximum)


def _counted(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name, INTEGER, meaning, nullable=nullable, minimum=0)


CONVERSATION_METRICS: Final = Table(
    name="conversation_metrics",
    grain="One row per transcribed recording (scope recording) and one per speaker of it (scope speaker).",
    key=(PARTITION_COLUMN, "subject_id"),
    upstream=("transcripts", "segments", "tone_scores", "sentiment_scores"),
    columns=(
        *_carried("transcripts", RECORDING_DATE, RECORDING_ID),
        Column(
            "scope", TEXT, "What the row is about.", allowed=("recording", "speaker"), sources=("segments.speaker",)
        ),
        Column(
            "subject_id",
            TEXT,
            "The recording_id, for a speaker with a slash and the speaker behind it.",
            sources=("transcripts.recording_id", "segments.speaker"),
        ),
        *_carried("transcripts", FILE, AUDIO_URI, RECORDING_SECONDS),
        Column(
            "hour_of_day",
            INTEGER,
            "Hour at which the recording began, where the name of its file says a date and a time.",
            "h",
            True,
            0,
            23,
            sources=("transcripts.file",),
        ),
        *_carried("transcripts", TRANSCRIPTS.column("speakers_by")),
        *_made_from(
            ["segments.speaker"],
            _counted("speaker_count", "Speakers of a recording; null for a speaker.", nullable=True),
            _optional_text("speaker", "Who it is, within this recording; null for a recording."),
        ),
        *_made_from(
            ("segments.text", "transcripts.speakers_by"),
            _optional_text("speaker_role", "Who serves and who is served; null for a recording.", ROLES),
            _optional_text("role_evidence", "What speaks for that role, in points; null for a recording."),
            _counted("questions", "Segments that ask something."),
        ),
        *_made_from(
            _SEGMENT_TIMES,
            _counted("turns", "Turns: segments of one speaker with none of anybody else's between."),
            Column(
                "talk_seconds",
                NUMBER,
                "Time in segments of the speaker, of a recording in those of anybody; what overlaps counts once.",
                "s",
                minimum=0.0,
            ),
            _probability(
                "talk_share", "Share of all speakers' talk; of a recording, the share of it in which anybody talks."
            ),
            _measured("non_talk_seconds", "Time of a recording in which nobody talks; null for a speaker."),
            _measured("longest_non_talk_seconds", "Longest such stretch, ends of the recording included."),
            _counted("silence_count", "Such stretches over 3 s; null for a speaker.", nullable=True),
            _measured("silence_seconds", "Their total length; null for a speaker."),
            _measured(
                "response_delay_seconds",
                "Median pause before turns that follow another speaker's; null where no turn does.",
            ),
        ),
        *_made_from(
            ("segments.word_count", *_SEGMENT_TIMES),
            Column("word_count", INTEGER, "Number of words.", "word", minimum=0),
            _measured("words_per_minute", "Words by the minute of their speakers' talk.", "word/min"),
        ),
        *_made_from(
            ("segments.text", "transcripts.speakers_by", *_SEGMENT_TIMES),
            _counted(
                "interruptions",
                "How often the speaker, or anybody, began to talk at least 0.5 s before another had ended; on one "
                "channel also, how often directly behind words that do not end as a sentence. No backchannels.",
            ),
            _counted("interrupted", "How often that happened to the speaker, or to anybody."),
            Column("interruption_seconds", NUMBER, "How long both talked then; 0 on one channel.", "s", minimum=0.0),
        ),
        *_made_from(
            ("segments.audio_uri", "segments.channel", *_SEGMENT_TIMES),
            _measured(
                "loudness_lufs", "Integrated loudness by ITU-R BS.1770-4; null without sound.", "LUFS", minimum=-70.0
            ),
            _measured("loudness_range_lu", "Loudness range by EBU Tech 3342; null for less than 3 s.", "LU"),
        ),
        *_made_from(
            (_SENTIMENT, "segments.word_count", *_SEGMENT_TIMES),
            *(
                _measured(name, meaning, "", minimum=-1.0, maximum=1.0)
                for name, meaning in (
                    ("sentiment_score", "Mean sentiment of the segments by their words, from -1 to 1."),
                    *((f"sentiment_q{n}", f"The same of quarter {n} of the recording.") for n in range(1, 5)),
                )
            ),
            _measured(
                "sentiment_trend",
                "Change of sentiment over the recording: slope of the least-squares line by words; null for fewer than "
                "three segments.",
                "",
                minimum=None,
            ),
        ),
        *_made_from(
            (*_TONES, *_SEGMENT_TIMES),
            *(
                _optional_text(f"tone_q{n}", f"Tone in quarter {n}, pooled by length and certainty.", TONES)
                for n in range(1, 5)
            ),
            _measured(
                "anger_rise",
                "Largest rise of the mean probability of anger from a quarter to a later one; of a recording, the "
                "highest of its speakers.",
                "probability",
                maximum=1.0,
            ),
        ),
        *_made_from(
            ("tone_scores.arousal", *_SEGMENT_TIMES), _measured("arousal_rise", "The same of arousal.", "", maximum=1.0)
        ),
        *_made_from(
            ("tone_scores.arousal", *_TONES, *_SEGMENT_TIMES),
            Column("escalated", BOOLEAN, "Whether one of the two rises is at least 0.25."),
            Column("recovered", BOOLEAN, "Whether at least half of it was gone in the last quarter with speech."),
        ),
        FINGERPRINT,
    ),
)

# Every table by name, in the order of the pipeline.
TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        table.name: table
        for table in (
            RAW_AUDIO,
            TRANSCRIPTS,
            SEGMENTS,
            LINGUISTIC_FEATURES,
            TONE_SCORES,
            SENTIMENT_SCORES,
            EMOTION_LABELS,
            TONE_SENTIMENT,
            CONVERSATION_METRICS,
        )
    }
)


# No stage makes it: it is written from what the materialisations of the others report, after them.
COSTS: Final = Table(
    name="costs",
    grain="One row per table of a day: what making it took so far, over all runs.",
    key=(PARTITION_COLUMN, "table_name"),
    upstream=("tone_sentiment", "conversation_metrics"),
    columns=(
        *_carried("tone_sentiment", RECORDING_DATE),
        Column("table_name", TEXT, "The table that was made.", allowed=tuple(TABLES)),
        Column("runs", INTEGER, "How often the day of the table was made.", minimum=1),
        Column("rows_published", INTEGER, "Rows that it has now.", "row", minimum=0),
        Column("rows_computed", INTEGER, "Rows that were computed, over all runs.", "row", minimum=0),
        Column("rows_reused", INTEGER, "Rows that were taken over instead, over all runs.", "row", minimum=0),
        Column("wall_seconds", NUMBER, "Time that making it took, over all runs.", "s", minimum=0.0),
        Column("model_seconds", NUMBER, "Of it, time in runs that computed with models.", "s", minimum=0.0),
        Column("gpu_seconds", NUMBER, "Of that, time on a GPU.", "s", minimum=0.0),
        Column("audio_hours", NUMBER, "Audio that was decoded or heard, over all runs.", "h", minimum=0.0),
        Column("token_count", INTEGER, "Words that text models were given, over all runs.", "word", minimum=0),
        Column("energy_joules", NUMBER, "What the GPU drew; null where none tells.", "J", nullable=True, minimum=0.0),
    ),
)

# Everything that is kept per day: the tables, and what they cost.
STORED: Final[Mapping[str, Table]] = MappingProxyType({**TABLES, COSTS.name: COSTS})

SENTIMENTS_OF_PEOPLE: Final = ("negative", "neutral", "positive")

REVIEWS: Final = Table(
    name="reviews",
    grain="One row per label that a person gave a segment; rows are added and never changed.",
    key=(PARTITION_COLUMN, "review_id"),
    upstream=("segments",),
    appended=True,
    columns=(
        *_carried("segments", RECORDING_DATE),
        Column("review_id", TEXT, "Names the review."),
        *_carried("segments", RECORDING_ID, SEGMENT_ID),
        Column("reviewed_at", TEXT, "When it was written, ISO 8601 in UTC."),
        Column("reviewer", TEXT, "Who reviewed, as they call themselves."),
        _optional_text("tone", "How it sounds to them; null where they do not say.", TONES),
        _optional_text("emotion", "What the words express to them; null where they do not say.", BASE_EMOTIONS),
        _optional_text(
            "sentiment", "Which sentiment the words have; null where they do not say.", SENTIMENTS_OF_PEOPLE
        ),
        _optional_text("note", "What else they say."),
        *_carried("segments", *(SEGMENTS.column(name) for name in ("start_seconds", "end_seconds", "text"))),
        *_made_from(["tone_scores.tone"], _optional_text("model_tone", "What the model had said of the tone.", TONES)),
        *_made_from(
            ["emotion_labels.base_emotion"],
            _optional_text("model_emotion", "What the model had said of the emotion.", BASE_EMOTIONS),
        ),
        *_made_from(
            [_SENTIMENT],
            _measured(
                "model_sentiment_score", "What the model had said of the sentiment.", "", minimum=-1.0, maximum=1.0
            ),
        ),
    ),
)

# Everything that the warehouse holds: what runs make, and what people add.
HELD: Final[Mapping[str, Table]] = MappingProxyType({**STORED, REVIEWS.name: REVIEWS})
# What rows of a recording lie in.
WITH_RECORDINGS: Final = MappingProxyType({name: table for name, table in HELD.items() if name != COSTS.name})
