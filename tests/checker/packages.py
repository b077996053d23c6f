"""Where the scripts of this folder find what they need beside Python itself."""
import os
import subprocess
import sys

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "services", "python.sh")


def use(*sets):
    """Makes these sets of packages (tests/services/python) importable, and installs what is missing."""
    for name in sets:
        found = subprocess.run([SCRIPT, "path", name], stdout=subprocess.PIPE, text=True, check=False)
        if found.returncode:
            raise SystemExit(f"the packages of {name} cannot be had")
        sys.path.insert(0, found.stdout.strip())
