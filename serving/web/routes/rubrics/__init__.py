"""The pages about the rubric while a lab is graded: doubts, clarifications, and the effects of changed grades."""
