"""Training: labs to preference pairs, preference pairs to an adapter."""
