"""The program, as `datakeel` and as `python -m datakeel`: an interruption is one line, even before all is loaded."""

import sys


def main() -> int:
    try:
        from datakeel.cli import main as carried_out  # noqa: PLC0415  (loading it is what may be interrupted)

        return carried_out()
    except KeyboardInterrupt:
        sys.stderr.write("datakeel: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
