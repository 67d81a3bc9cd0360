"""The one exception for bad input from outside the program."""


class PoseError(Exception):
    """Input that the program cannot use: a file, a record, a setting or a device.

    The message is one sentence that names the file, record or key and the way out. The commands print it alone and
    end with exit code 2; anything else that is raised is a bug of ours and keeps its traceback.
    """
