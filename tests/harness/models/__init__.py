"""Tokenizers and tiny models."""
