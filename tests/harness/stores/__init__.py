"""Stores, PostgreSQL servers, and checks of what a store contains."""
