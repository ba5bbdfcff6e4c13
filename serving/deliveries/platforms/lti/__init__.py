"""LTI Advantage: sends grades to any platform that launched the tool (AGS 2.0, NRPS 2.0)."""
