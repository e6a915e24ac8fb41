"""What several benchmarks work on; nothing here is one itself."""
