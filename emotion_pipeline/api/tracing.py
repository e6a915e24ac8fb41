"""Spans by OpenTelemetry, where ``api.tracing`` is set; the ``OTEL_*`` variables say where they are sent."""

from fastapi import FastAPI

from emotion_pipeline.engine.common.errors import BackendUnavailableError


def trace(app: FastAPI) -> None:
    """Send a span for each request by OTLP over HTTP.

    :raises BackendUnavailableError: the extra ``tracing`` is not installed
    """
    try:
        from opentelemetry import trace as api
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise BackendUnavailableError(
            f"api.tracing needs {error.name}; run: pip install 'emotion-pipeline[api,tracing]'"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "emotion-pipeline-api"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    api.set_tracer_provider(provider)
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider, excluded_urls="health,ready,metrics", exclude_spans=["receive", "send"]
    )
