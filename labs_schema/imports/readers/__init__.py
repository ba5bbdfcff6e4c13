"""One reader for each platform: what its export states, as neutral records."""
