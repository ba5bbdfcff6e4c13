"""The checks of a lab: how its programs are built, run and tested. See docs/reference/checks.md."""
