"""``python -m tbg``."""

from tbg.cli import main

main()
