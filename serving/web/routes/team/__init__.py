"""The pages on which TAs share the work: assignments, second markings, snippets."""
