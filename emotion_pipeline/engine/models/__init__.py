"""Models of any kind: the registry of back ends, weights and where they lie, loading, batches, devices."""
