"""What the TAs of a lab share: assignments, second markings, snippets."""
