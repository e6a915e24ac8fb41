"""Tells who speaks: by channel where a call is recorded on two, by voice where a diarizer is set up."""
