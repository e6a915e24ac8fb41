"""The REST service over the engine; importing the package loads neither FastAPI nor a model."""
