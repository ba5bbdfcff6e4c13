"""Source code: languages, lexer, dead code."""
