"""``python -m beadwork`` is the same as the command ``beadwork``."""

from beadwork.cli import main

if __name__ == "__main__":
    main()
