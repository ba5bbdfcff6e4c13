"""Programs that tests start as processes, often to kill them."""
