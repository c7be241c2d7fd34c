"""The program, as `datakeel` and as `python -m datakeel`: an interruption is one line, even before all is loaded."""

import sys

from datakeel.ending import heed, told


def main() -> int:
    try:
        heed()
        from datakeel.cli import main as carried_out  # noqa: PLC0415  (loading it is what may be interrupted)

        return carried_out()
    except KeyboardInterrupt as stopped:
        text, status = told(stopped)
        sys.stderr.write(f"datakeel: {text}\n")
        return status


if __name__ == "__main__":
    sys.exit(main())
