"""A look-up of a host name has a limit, although no timer of Python interrupts it."""

import os
import subprocess
import sys
from typing import Final

import pytest

from tests.template import resources

# In a mount namespace of its own, the only name server is a socket that never answers.
_PROGRAM: Final = """
import pathlib, socket, subprocess, sys, tempfile, time
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.9", 53))
with tempfile.NamedTemporaryFile("w") as file:
    file.write("nameserver 127.0.0.9\\n")
    file.flush()
    subprocess.run(["mount", "--bind", file.name, "/etc/resolv.conf"], check=True)
    began = time.monotonic()
    try:
        socket.getaddrinfo("mandrillapp.com", 443)
    except socket.gaierror:
        print(time.monotonic() - began)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0,
    reason="NOT SHOWN HERE: only root on Linux may give a process another name server",
)
def test_a_silent_name_server_costs_two_seconds() -> None:
    """With the template's RES_OPTIONS a look-up that gets no answer ends after 2 s, not 10."""
    (options,) = {
        function["Properties"]["Environment"]["Variables"]["RES_OPTIONS"]
        for function in resources("AWS::Serverless::Function").values()
        if "RES_OPTIONS" in function["Properties"]["Environment"]["Variables"]
    }
    done = subprocess.run(  # noqa: S603 - this program
        ["unshare", "--mount", sys.executable, "-c", _PROGRAM],  # noqa: S607 - the system's
        env=os.environ | {"RES_OPTIONS": options},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"NOT SHOWN HERE: no mount namespace of its own: {done.stderr[-200:]}")
    assert 1 <= float(done.stdout) <= 3
