"""``python -m tbg``, and the ``tbg`` command."""

import sys

from tbg.server.signals import end_early

_TERMINATED = 143  # what a shell reports for a process that SIGTERM has ended


def main() -> None:
    """Run the command."""
    # Before anything else is imported, which takes a while. A server that is told to end has not failed.
    end_early(0 if sys.argv[1:2] == ["serve"] else _TERMINATED)
    from tbg.cli import main as command  # noqa: PLC0415 - see above

    command()


if __name__ == "__main__":
    main()
