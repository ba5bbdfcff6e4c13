"""Commands that read, check and build labs and datasets."""
