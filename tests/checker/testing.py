"""What the tests of these scripts share."""
import contextlib
import io
import sys
import unittest.mock


def run(script, *arguments):
    """What the `main` of a script of this folder ends with, and what it prints."""
    said = io.StringIO()
    with unittest.mock.patch.object(sys, "argv", [script.__name__, *arguments]), contextlib.redirect_stdout(said):
        try:
            script.main()
        except SystemExit as end:
            return end.code, said.getvalue()
    return 0, said.getvalue()
