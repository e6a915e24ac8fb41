"""Who serves and who is served: the role of each speaker of a call, by a rule that says why.

A setting may name the roles of channels. Otherwise phrases speak: each service phrase that a speaker says is three
points for agent, each phrase of somebody who wants something three for customer; where anybody has points, who spoke
first has one more for agent, and so has who asks most. English only: other languages leave everybody unknown.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from emotion_pipeline.engine.conversation.role_names import Role
from emotion_pipeline.engine.conversation.spoken import Spoken

# As ``Spoken.plain`` writes words: lower case, no apostrophes.
_SERVICE: Final = """
thank you for calling, thanks for calling, how can i help, how may i help, what can i do for you, is there anything else
this is the customer service, this is customer service, customer service my name is, anything else i can, let me check
can i have your, could i have your, may i have your, your account number, your order number, your reference number
let me look, let me have a look, i will check, ill check, bear with me, one moment please, can you hold, put you on hold
sorry for the inconvenience, sorry to hear that, apologize for the inconvenience, our records, we will send you
"""
_REQUEST: Final = """
im calling about, i am calling about, im calling because, i am calling because, i have a problem, i ordered, i bought
i have a question about, my order, my account, my bill, my invoice, my contract, my money back, want a refund
like a refund, want to cancel, like to cancel, it does not work, it doesnt work, was broken, i was charged
i have been waiting, ive been waiting, speak to a manager, talk to a manager, can you help me, could you help me
worst service, never do business
"""
_PHRASE_POINTS: Final = 3
# By how many points the agent has to lead over the next one.
_LEAD: Final = 2


@dataclass(frozen=True, slots=True)
class SpeakerRole:
    """A speaker's role, and what speaks for it: phrases of this module only, so no personal data."""

    role: Role
    evidence: str


def roles(spoken: Sequence[Spoken], by_channel: Mapping[str, Role] | None = None) -> dict[str, SpeakerRole]:
    """Return the role of each speaker, the first to talk first.

    Points of a speaker = agent's - customer's. The speaker with the most is the agent, with at least three and two more
    than the next one; the others are customers then, unless they sound like agents themselves. Without an agent, who
    has at least three points for customer is one.

    :param spoken: in order of time
    :param by_channel: roles that a setting gives; speakers it does not name are judged by the rule
    """
    speakers = list(dict.fromkeys(stretch.speaker for stretch in spoken))
    evidence = {speaker: _phrases(spoken, speaker) for speaker in speakers}
    points = {name: _PHRASE_POINTS * (len(phrases[0]) - len(phrases[1])) for name, phrases in evidence.items()}
    extra = _hints(spoken) if any(any(phrases) for phrases in evidence.values()) and len(speakers) > 1 else {}
    for name, hints in extra.items():
        points[name] += len(hints)
    ranked = sorted(points.values(), reverse=True)
    leads = bool(ranked) and ranked[0] >= _PHRASE_POINTS and (len(ranked) == 1 or ranked[0] - ranked[1] >= _LEAD)
    given = by_channel or {}
    return {
        name: SpeakerRole(given[name], "the channel, by setting")
        if name in given
        else SpeakerRole(
            _role(points[name], ranked[0], agent_found=leads),
            _in_words(points[name], *evidence[name], extra.get(name, [])),
        )
        for name in speakers
    }


def _role(points: int, most: int, *, agent_found: bool) -> Role:
    if agent_found:
        return "agent" if points == most else "customer" if points < _PHRASE_POINTS else "unknown"
    return "customer" if points <= -_PHRASE_POINTS else "unknown"


def _phrases(spoken: Sequence[Spoken], speaker: str) -> tuple[list[str], list[str]]:
    """Return which service phrases and which requests a speaker says, each once."""
    words = " ".join(stretch.plain for stretch in spoken if stretch.speaker == speaker)
    service, request = ([phrase for phrase in _listed(kind) if f" {phrase} " in words] for kind in (_SERVICE, _REQUEST))
    return service, request


def _listed(phrases: str) -> list[str]:
    return [phrase.strip() for phrase in phrases.strip().replace("\n", ",").split(",")]


def _hints(spoken: Sequence[Spoken]) -> dict[str, list[str]]:
    """Return what else speaks for an agent: an agent answers the telephone, and asks more than the customer does."""
    hints = {spoken[0].speaker: ["spoke first"]}
    (most, asked), *rest = [
        *Counter(stretch.speaker for stretch in spoken if stretch.is_question).most_common(2),
        ("", 0),
    ]
    if asked > rest[0][1] if rest else asked:
        hints.setdefault(most, []).append(f"asked most, {asked} times")
    return hints


def _in_words(points: int, service: Sequence[str], request: Sequence[str], hints: Sequence[str]) -> str:
    reasons = [f"serves: “{phrase}”" for phrase in service] + [f"requests: “{phrase}”" for phrase in request]
    return f"{points:+d}: {'; '.join([*reasons, *hints]) or 'nothing tells'}"
