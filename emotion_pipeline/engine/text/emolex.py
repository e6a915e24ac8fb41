"""The emotion lexicon NRC EmoLex, from the NRCLex package or from a file of the caller.

EmoLex is free for research only and must not be redistributed, so this project holds no copy: NRCLex brings one, and a
licensed or different lexicon in the same JSON form can be used instead.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from threading import Lock

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.hashing import hash_file
from emotion_pipeline.engine.text.feature_table import NRC_CATEGORIES
from emotion_pipeline.engine.text.tagging import lemma


class EmotionLexicon:
    """Which of the ten EmoLex categories a word is associated with.

    ``path`` names a JSON file ``{word: [category, …]}``; None takes the lexicon that NRCLex carries.
    Raises ``BackendUnavailableError`` where the file is missing or is no such lexicon.
    """

    def __init__(self, path: Path | None = None) -> None:
        from nrclex import NRCLex

        if path is not None:
            _check(path)
        # NRCLex silently falls back to its own lexicon for a relative path that does not exist, hence resolve().
        self._nrc = NRCLex(path.resolve() if path is not None else None)
        self._lock = Lock()  # a look-up leaves its result in the NRCLex object
        self.sha256 = _bundled_sha256() if path is None else hash_file(path)

    def associations(self, word: str) -> tuple[int, ...]:
        """Counts in the order of ``NRC_CATEGORIES``; a word that is not listed is looked up by its lemma."""
        for form in (word.lower(), lemma(word)):
            with self._lock:
                self._nrc.load_token_list([form])
                categories = list(self._nrc.affect_list)
            if categories:
                return tuple(categories.count(category) for category in NRC_CATEGORIES)
        return (0,) * len(NRC_CATEGORIES)


@lru_cache(maxsize=1)
def _bundled_sha256() -> str:
    from importlib.resources import files

    return hashlib.sha256(files("nrclex.data").joinpath("nrc_en.json").read_bytes()).hexdigest()


def _check(path: Path) -> None:
    advice = 'It must be a JSON object of word to list of categories, such as {"happy": ["joy", "positive"]}.'
    try:
        lexicon = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BackendUnavailableError(f"The emotion lexicon {path} cannot be read: {error}. {advice}") from error
    except ValueError as error:
        raise BackendUnavailableError(f"The emotion lexicon {path} is not JSON: {error}. {advice}") from error
    if not isinstance(lexicon, dict) or not all(isinstance(entry, list) for entry in lexicon.values()):
        raise BackendUnavailableError(f"The emotion lexicon {path} has the wrong form. {advice}")
    unknown = {category for entry in lexicon.values() for category in entry if category not in NRC_CATEGORIES}
    if unknown:
        raise BackendUnavailableError(
            f"The emotion lexicon {path} names categories that EmoLex does not have: {sorted(map(str, unknown))[:5]}. "
            f"The categories are {', '.join(NRC_CATEGORIES)}."
        )
