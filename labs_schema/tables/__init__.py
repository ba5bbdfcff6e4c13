"""Reads the tables of labs and platforms: delimited text and spreadsheets, as rows of text cells."""
