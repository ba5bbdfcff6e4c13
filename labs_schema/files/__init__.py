"""Reading and writing files: encodings, special files, edits that take effect together, a full disk."""
