"""The text log, and the rule that a failing log never ends a run."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

LOGGER_NAME = "plumbpose"
_warned: set[str] = set()


class _ConsoleHandler(logging.Handler):
    """Prints above a progress bar instead of through it."""

    def emit(self, record: logging.LogRecord) -> None:
        stream = sys.stderr if record.levelno >= logging.WARNING else sys.stdout
        tqdm.write(self.format(record), file=stream)
        stream.flush()


class _LogFile(logging.FileHandler):
    """A log file that gives up with one warning where logging's own would print a traceback per line."""

    def handleError(self, record: logging.LogRecord) -> None:
        del record
        logging.getLogger(LOGGER_NAME).removeHandler(self)
        warn_once(f"the log {self.baseFilename} can no longer be written to; the run goes on without it")


def get_logger() -> logging.Logger:
    """The logger of the commands; silent below warnings until `open_log`."""
    return logging.getLogger(LOGGER_NAME)


def open_log(path: Path | None, *, quiet: bool = False) -> logging.Logger:
    """Send messages to the console and, appended, to a file.

    Args:
        path: the log file; None for the console only.
        quiet: print and write nothing but errors, for all processes but the main one.

    A file that cannot be opened is a warning, not an error.
    """
    logger = get_logger()
    close_log()
    logger.propagate = False
    logger.setLevel(logging.ERROR if quiet else logging.INFO)
    console = _ConsoleHandler()
    console.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(console)
    if path is not None and not quiet:
        with never_fatal(f"the log {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = _LogFile(path, encoding="utf-8")
            file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            logger.addHandler(file)
    return logger


def close_log() -> None:
    """Take the handlers of `open_log` away and close their files."""
    logger = get_logger()
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    _warned.clear()


def warn_once(message: str) -> None:
    """Log a warning the first time that this message comes up."""
    if message not in _warned:
        _warned.add(message)
        get_logger().warning("warning: %s", message)


@contextmanager
def never_fatal(what: str) -> Iterator[None]:
    """Run a block of logging whose failure must not end the run; it warns once per `what`.

    Args:
        what: what is being written, for the warning.
    """
    try:
        yield
    except Exception as error:  # whatever a logging library raises, the run is worth more than its log
        if what not in _warned:
            _warned.add(what)
            reason = " ".join(str(error).split()) or type(error).__name__
            get_logger().warning("warning: %s cannot be written (%s); the run goes on without it", what, reason)
