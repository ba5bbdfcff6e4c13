"""Trainers for SFT and DPO that compute each submission's shared tokens once."""
