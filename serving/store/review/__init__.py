"""Records of reviewing in a team: the tables, and clarifications of rubrics."""
