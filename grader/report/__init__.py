"""An evaluation as one HTML file that needs nothing beside it. Grades nothing and measures nothing itself."""

from grader.report.page import write_report

__all__ = ["write_report"]
