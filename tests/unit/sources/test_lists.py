"""What urls.txt and manifest.csv name, and what their errors say."""

from datetime import date

import pytest

from emotion_pipeline.engine.sources.base import SourceMetadata
from emotion_pipeline.engine.sources.fetch_errors import SourceError
from emotion_pipeline.engine.sources.lists import Listed, read_manifest, read_urls

PLACE = "calls/2026-11-02/list"


def test_urls_are_read_in_order_each_once_and_comments_skipped() -> None:
    text = "\ufeff# calls\nhttps://example.org/b.mp3\r\n\n  s3://bucket/a.wav  \n# more\nhttps://example.org/b.mp3\n"
    assert [entry.address for entry in read_urls(text, PLACE)] == ["https://example.org/b.mp3", "s3://bucket/a.wav"]
    assert all(entry.path is None and entry.metadata == SourceMetadata() for entry in read_urls(text, PLACE))
    assert read_urls("", PLACE) == []


def test_the_mark_of_a_fragment_does_not_make_a_comment() -> None:
    assert [entry.address for entry in read_urls("https://example.org/#/a", PLACE)] == ["https://example.org/#/a"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("example.org/a.mp3", "this is no address"),
        ("a.wav", "this is no address"),
        ("file:///etc/passwd", "no files outside its folder"),
        ("local:///etc/passwd", "no files outside its folder"),
        ("https://example.org/a.mp3 the first", "an address has no blanks"),
    ],
)
def test_a_line_that_is_no_address_is_named_with_what_to_do(line: str, message: str) -> None:
    with pytest.raises(SourceError, match=f"{PLACE}, line 2: .*{message}"):
        read_urls(f"https://example.org/b.mp3\n{line}\n", PLACE)


def test_errors_do_not_quote_lines_since_they_may_hold_passwords() -> None:
    with pytest.raises(SourceError) as caught:
        read_urls("ada:pa55word@example.org/a.mp3", PLACE)
    assert "pa55word" not in str(caught.value)
    assert "pa55word" not in repr(Listed("https://ada:pa55word@h/", None, SourceMetadata()))


def test_a_manifest_names_addresses_and_files_and_describes_them() -> None:
    text = (
        "uri, title ,channel_name,uploaded_on\n"
        'https://example.org/a.mp3,"Hello, again",Ada,2026-11-01\n'
        ",,,\n"
        "./team//b.wav,,,\n"
        "\n"
        "https://example.org/a.mp3,Another title,,\n"
    )
    assert read_manifest(text, PLACE) == [
        Listed("https://example.org/a.mp3", None, SourceMetadata("Hello, again", "Ada", date(2026, 11, 1))),
        Listed(None, "team/b.wav", SourceMetadata()),
    ]


def test_other_columns_of_a_manifest_are_attributes_of_the_recording() -> None:
    text = "uri,Title,Agent,cost-centre,Queue\na.wav,A,ada,12,\nb.wav,,,,\n"
    assert [entry.metadata for entry in read_manifest(text, PLACE)] == [
        SourceMetadata("A", attributes=(("agent", "ada"), ("cost_centre", "12"))),
        SourceMetadata(),
    ]


def test_a_manifest_needs_only_uri_and_may_come_from_a_spreadsheet() -> None:
    assert [entry.path for entry in read_manifest("\ufeffuri\r\na.wav\r\nb.wav\r\n", PLACE)] == ["a.wav", "b.wav"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: there is no column uri"),
        ("url,title\na.wav,A\n", "line 1: there is no column uri"),
        ("uri;title\na.wav;A\n", "line 1: there is no column uri"),
        ("uri,titel\na.wav,A\n", "line 1: unknown column 'titel'; did you mean 'title'"),
        ("uri,agent,\na.wav,A,\n", "line 1: column 3 has no name"),
        ("uri,cost-centre,Cost centre\na.wav,A,B\n", "line 1: a column appears twice"),
        ("uri,title,title\na.wav,A,B\n", "line 1: a column appears twice"),
        ("uri,title\na.wav,A\n,B\n", "line 3: the uri is missing"),
        ("uri,uploaded_on\na.wav,01.11.2026\n", r"line 2: '01\.11\.2026' is no date; .*2026-11-02"),
        ("uri,uploaded_on\na.wav,2026-02-30\n", "line 2: '2026-02-30' is no date"),
        ("uri,title\na.wav,Hello, again\n", "line 2: 3 values for 2 columns; .*double quotes"),
        ("uri,title\na.wav\n", "line 2: 1 values for 2 columns"),
        ('uri,title\na.wav,"Hello\n', "line 2: this is no valid CSV"),
        ("uri\n../other.wav\n", "line 2: .*leads outside the folder"),
        ("uri\nteam/../../other.wav\n", "line 2: .*leads outside the folder"),
        ("uri\n/etc/passwd\n", "line 2: .*leads outside the folder"),
        ("uri\n.\n", "line 2: .*leads outside the folder"),
        ("uri\nFILE:///etc/passwd\n", "line 2: .*no files outside its folder"),
    ],
)
def test_an_invalid_manifest_is_an_error_with_line_and_advice(text: str, message: str) -> None:
    with pytest.raises(SourceError, match=f"{PLACE}, {message}"):
        read_manifest(text, PLACE)
