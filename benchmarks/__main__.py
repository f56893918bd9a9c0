"""Runs the benchmarks that are named, or all of them."""

import importlib
import sys

ALL = ("conformance", "scim", "sync")


def main(arguments: list[str]) -> int:
    """Run benchmarks; options go to each of them."""
    names = [each for each in arguments if not each.startswith("-") and each in ALL]
    options = [each for each in arguments if each not in names]
    failed = 0
    for name in names or ALL:
        failed |= importlib.import_module(f"benchmarks.{name}").main(options)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
