"""LTI platforms, and tools that are launched from them."""
