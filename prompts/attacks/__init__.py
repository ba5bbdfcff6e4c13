"""Students who write to the grader, played by us: programs with a plea put in, which still do what they did.

`measured` holds the suite that graders are measured with, `training` the texts that they may be trained on. No text is
in both, and three families of `measured` have no counterpart in `training`: what a grader has learned to withstand is
told from what it withstands. The import contracts of pyproject.toml keep `measured` out of the training room.
"""
