"""How every command starts and how it reports bad input."""

import os
import sys
from collections.abc import Callable

from lib.utils.errors import PoseError
from lib.utils.overlap import steps_at_work

TRACEBACK_VARIABLE = "POSE_TRACEBACK"


def run_command(main: Callable[[], None]) -> None:
    """Run a command and turn its errors into one sentence and an exit code.

    Args:
        main: the command; it raises PoseError for bad input.

    Exit codes: 0 done, 2 bad input, 130 interrupted. With the environment variable POSE_TRACEBACK=1 the traceback of
    bad input is shown as well.
    """
    try:
        main()
    except PoseError as error:
        if os.environ.get(TRACEBACK_VARIABLE) == "1":
            raise
        print(f"error: {error}", file=sys.stderr)
        _leave(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        _leave(130)


def _leave(code: int) -> None:
    """End with an exit code, at once where a thread is inside a network: the interpreter's own end would abort."""
    if steps_at_work():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
