"""`python -m grader`, which `accelerate launch -m grader` needs."""

from grader.cli import main

main()
