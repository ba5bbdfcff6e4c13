"""The review of a lab: what waits for a person, in which order, and how people and machine agree."""
