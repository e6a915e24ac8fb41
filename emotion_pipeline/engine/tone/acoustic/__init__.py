"""Tone by a layer of Whisper's encoder and acoustic functionals, compared with examples: the model that ships."""
