"""What a grader and the TAs say, side by side, in figures. Pure; knows no engine."""
