"""Scores how favourable a text is, from -1 to 1, by the back end that is chosen."""
