"""``python -m neurofer``."""

from neurofer.cli.app import main

if __name__ == "__main__":
    main()
