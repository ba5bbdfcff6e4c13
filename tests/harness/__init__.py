"""What tests share: builders, fakes and programs that tests start as processes."""
