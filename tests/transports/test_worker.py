"""A worker and its supervisor."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from casa.transports import supervisor
from casa.transports.worker import bound_host, bound_port
from tests.service.server import PROJECT, environment


def test_a_worker_whose_supervisor_is_gone_does_not_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        words = ["-m", "_bentoml_impl.worker.service", ".", "--fd", str(bound.fileno())]
        env = environment(tmp_path, **{supervisor.NAME: str(os.getppid())})
        command = [sys.executable, *words]
        ended = subprocess.run(
            command, cwd=PROJECT, env=env, pass_fds=[bound.fileno()], capture_output=True, text=True, timeout=60
        )
    assert (ended.returncode, ended.stderr) == (1, "casa: the supervisor of this worker has ended\n")


def test_outside_of_bentoml_it_is_on_loopback_and_its_port_is_unknown() -> None:
    assert (bound_host(), bound_port()) == ("127.0.0.1", None)
