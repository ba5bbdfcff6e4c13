"""A lab, a submission and an engine become grades; grades become answers, files and figures. Knows no training."""
