"""Training, fine-tuning and evaluation of the models. The pipeline, the service and `predict` never import it."""
