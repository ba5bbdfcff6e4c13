"""Lab, criterion and submission become token ids, verdicts become text and back: one code for training and serving."""
