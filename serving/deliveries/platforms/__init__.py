"""Adapters: how each course platform reads and writes what `serving.deliveries.platform` describes."""
