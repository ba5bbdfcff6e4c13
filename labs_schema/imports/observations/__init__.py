"""Imports results of autograders and unit tests as observations of a lab's submissions."""
