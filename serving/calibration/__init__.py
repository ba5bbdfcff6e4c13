"""From graded work that was not trained on to confidences that hold and a threshold with a guarantee."""
