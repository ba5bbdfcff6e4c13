"""The work of a team of TAs: assignments, second markings, snippets."""
