"""Code shared by tests: builders, fakes and programs that tests start as processes."""
