"""The program, as `datakeel` and as `python -m datakeel`: an interruption is one line, even before all is loaded."""

import gc
import sys

from datakeel.ending import heed, told


def main() -> int:
    gc.disable()  # the process is short, and nearly all that it makes is kept until its end
    try:
        heed()
        from datakeel.cli import main as carried_out  # noqa: PLC0415  (loading it is what may be interrupted)

        return carried_out()
    except KeyboardInterrupt as stopped:
        text, status = told(stopped)
        sys.stderr.write(f"datakeel: {text}\n")
        return status
    finally:
        gc.freeze()  # so that the interpreter does not look through all of it once more when it ends


if __name__ == "__main__":
    sys.exit(main())
