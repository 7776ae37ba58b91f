"""`python -m jaxmusic fit|map|search|recommend`: see `jaxmusic.app`."""

import sys

from jaxmusic.app.command_line import main

if __name__ == "__main__":
    sys.exit(main())
