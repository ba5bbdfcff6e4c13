"""What TAs record while they review in a team: the tables, and clarifications of rubrics."""
