"""`python -m sessionwire`."""

from sessionwire.cli import main

if __name__ == "__main__":
    main()
