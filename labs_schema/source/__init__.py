"""Reading source code: languages, lexing, dead code."""
