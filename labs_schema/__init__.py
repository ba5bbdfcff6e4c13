"""Labs on disk become `Lab`, grades become `Grade`. Knows no model, no prompt and no service."""
