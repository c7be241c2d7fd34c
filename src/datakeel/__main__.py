"""`python -m datakeel`: the same as the command `datakeel`."""

import sys

from datakeel.cli import main

if __name__ == "__main__":
    sys.exit(main())
