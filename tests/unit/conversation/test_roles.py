"""Who is the agent and who the customer, and what is said for it."""

from pathlib import Path

import pytest
from support.conversation import FIRST, SECOND, Call, Said

GREETING, REQUEST = "Thank you for calling, how can I help you?", "I ordered a lamp and I want my money back."


def _roles(tmp_path: Path, *spoken: Said, two_channels: bool = True, setting: tuple = ()) -> dict[str, str]:
    rows = Call(20.0, spoken, two_channels).subjects(tmp_path, setting)
    return {name: row["speaker_role"] for name, row in rows.items() if name != "call"}


def test_who_greets_for_a_company_is_the_agent_and_says_why(tmp_path: Path) -> None:
    call = Call(20.0, (Said(FIRST, 0, 4, GREETING), Said(SECOND, 5, 9, REQUEST)))
    rows = call.subjects(tmp_path)
    assert (rows[FIRST]["speaker_role"], rows[SECOND]["speaker_role"]) == ("agent", "customer")
    assert rows[FIRST]["role_evidence"] == (
        "+8: serves: “thank you for calling”; serves: “how can i help”; spoke first; asked most, 1 times"
    )
    assert rows[SECOND]["role_evidence"] == "-6: requests: “i ordered”; requests: “my money back”"


def test_the_caller_may_be_heard_first(tmp_path: Path) -> None:
    roles = _roles(tmp_path, Said(FIRST, 0, 4, REQUEST), Said(SECOND, 5, 9, "Let me check. Can I have your name?"))
    assert roles == {FIRST: "customer", SECOND: "agent"}


@pytest.mark.parametrize("text", ["Is it raining?", "Bonjour, comment puis-je vous aider ?"])
def test_without_a_phrase_nobody_has_a_role(tmp_path: Path, text: str) -> None:
    assert _roles(tmp_path, Said(FIRST, 0, 4, text), Said(SECOND, 5, 9, "Yes.")) == {
        FIRST: "unknown",
        SECOND: "unknown",
    }


def test_two_who_both_serve_are_not_told_apart(tmp_path: Path) -> None:
    spoken = Said(FIRST, 0, 4, "Let me check."), Said(SECOND, 5, 9, "One moment please.")
    assert _roles(tmp_path, *spoken) == {FIRST: "unknown", SECOND: "unknown"}


def test_a_voice_message_can_be_a_customers(tmp_path: Path) -> None:
    assert _roles(tmp_path, Said(FIRST, 0, 4, REQUEST), two_channels=False) == {FIRST: "customer"}


def test_a_setting_names_the_roles_of_channels_and_of_nothing_else(tmp_path: Path) -> None:
    spoken = Said(FIRST, 0, 4, GREETING), Said(SECOND, 5, 9, REQUEST)
    assert _roles(tmp_path, *spoken, setting=("customer", "agent")) == {FIRST: "customer", SECOND: "agent"}
    mono = _roles(tmp_path, *spoken, two_channels=False, setting=("customer", "agent"))
    assert mono == {FIRST: "agent", SECOND: "customer"}
