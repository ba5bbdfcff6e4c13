"""Labs, programs, ratings and courses made for tests."""
