"""`python3 -m harness.cli`: the command line without its script."""

from harness.cli import main

main()
