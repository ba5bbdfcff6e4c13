"""One file per schema version. A released file is never changed."""
