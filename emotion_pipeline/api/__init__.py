"""The REST service: the engine over HTTP, for texts at once and for recordings as jobs that outlive their request.

It computes nothing itself: a request becomes a call of the engine, or a job that a worker process of its own takes
through the engine's stages. Importing this package loads neither FastAPI nor a model.
"""
