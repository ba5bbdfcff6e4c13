"""Trainers for SFT and DPO over packed token trees."""
