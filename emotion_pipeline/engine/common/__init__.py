"""What every part of the engine may use: types, errors, hashes, and small helpers without models."""
