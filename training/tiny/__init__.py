"""The tiny base model, trained from scratch."""
