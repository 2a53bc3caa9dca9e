"""`python -m psylm`."""

from psylm.cli import main

main()
