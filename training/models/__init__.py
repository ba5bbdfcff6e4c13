"""Base models: presets, loading, merging adapters."""
