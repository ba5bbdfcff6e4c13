"""The engine's thread and the fair queue in front of it."""
