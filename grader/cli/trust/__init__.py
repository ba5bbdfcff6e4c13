"""Commands that measure how far grades can be trusted."""
