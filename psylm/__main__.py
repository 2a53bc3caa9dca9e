"""`python -m psylm`."""

from psylm.cli.main import main

main()
