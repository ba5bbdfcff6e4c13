"""Chromium, and a service with the pages for it."""
