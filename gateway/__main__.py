"""``python -m gateway``: the same as the command ``ezto-gateway``."""

from gateway.cli import main

if __name__ == "__main__":
    main()
