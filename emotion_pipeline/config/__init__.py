"""Reading the settings, and turning them into options of the engine."""
