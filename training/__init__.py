"""Labs become preference pairs, pairs become an adapter. Knows no serving."""
