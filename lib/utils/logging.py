"""The text log, and the rule that a failing log never ends a run."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

LOGGER_NAME = "lib"  # the parent of every logging.getLogger(__name__) here
_warned: set[str] = set()


class _ConsoleHandler(logging.Handler):
    """Prints above a progress bar instead of through it."""

    def emit(self, record: logging.LogRecord) -> None:
        stream = sys.stderr if record.levelno >= logging.WARNING else sys.stdout
        tqdm.write(self.format(record), file=stream)
        stream.flush()


class _Early(logging.Handler):
    """Keeps the messages from before there is a log file."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class _LogFile(logging.FileHandler):
    """A log file that gives up with one warning where logging's own would print a traceback per line."""

    def handleError(self, record: logging.LogRecord) -> None:
        del record
        logging.getLogger(LOGGER_NAME).removeHandler(self)
        warn_once(f"the log {self.baseFilename} can no longer be written to; the run goes on without it")


def get_logger() -> logging.Logger:
    """The logger of the commands; silent below warnings until `open_log`."""
    return logging.getLogger(LOGGER_NAME)


def open_log(*, quiet: bool = False, keep: bool = True) -> logging.Logger:
    """Send messages to the console; `log_to_file` adds a file once it is clear that the run can start.

    Args:
        quiet: print and write nothing but errors, for all processes but the main one.
        keep: hold the messages until `log_to_file`; False where there will be no file.
    """
    logger = get_logger()
    close_log()
    logger.propagate = False
    logger.setLevel(logging.ERROR if quiet else logging.DEBUG)
    console = _ConsoleHandler(logging.INFO)
    console.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(console)
    if keep:
        logger.addHandler(_Early(logging.DEBUG))
    return logger


def log_to_file(path: Path) -> None:
    """Append to a file all messages since `open_log` and those to come; a file that cannot be opened is a warning."""
    logger = get_logger()
    early = [handler for handler in logger.handlers if isinstance(handler, _Early)]
    with never_fatal(f"the log {path}"):
        file = _LogFile(path, encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        for record in (record for handler in early for record in handler.records):
            file.handle(record)
        logger.addHandler(file)
    for handler in early:
        logger.removeHandler(handler)


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
