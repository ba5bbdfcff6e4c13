"""Imports exports of course platforms: an export becomes a lab folder."""
