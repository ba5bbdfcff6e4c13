"""Strict fakes of course platforms over HTTP, and the adapters that talk to them."""
