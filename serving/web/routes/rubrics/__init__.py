"""The pages about the rubric while a lab is graded: doubts, clarifications, and what a change of grades changes."""
