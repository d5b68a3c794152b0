"""Several processes that serve on one port, over one MongoDB."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import time
import urllib.request
from typing import TYPE_CHECKING

import typer
from anyio.from_thread import start_blocking_portal
from pydantic import SecretStr
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from sessionwire.app import SessionWire
from sessionwire.cli.listening import announce
from sessionwire.cli.logs import set_up_logs
from sessionwire.cli.program import console
from sessionwire.serving import spare_the_heap, uvicorn_config
from sessionwire.store.embedded import EmbeddedMongo
from sessionwire.store.mongo import Store

if TYPE_CHECKING:
    from sessionwire.cli.logs import LogFormat
    from sessionwire.settings import Settings

__all__ = ["serve_many", "worker"]

_READY_WITHIN = 90.0
_ALIVE_WITHIN = 30
"""uvicorn gives a worker 5 seconds, its imports included: on a machine that is busy enough none
would ever start, as each is replaced by the next."""
_MARGIN = 3.0
_POLL = 0.05
_DRAIN = getattr(signal, "SIGUSR1", None)
"""Tells a worker that it is to end soon."""


def serve_many(
    settings: Settings,
    listener: socket.socket,
    address: str,
    *,
    demo: bool,
    workers: int,
    log_format: LogFormat,
) -> None:
    """One embedded mongod, one change stream per worker; workers read the environment."""
    with start_blocking_portal() as portal, contextlib.ExitStack() as stack:
        if settings.mongodb_uri is None:
            mongo = stack.enter_context(
                portal.wrap_async_context_manager(EmbeddedMongo(settings.data_dir))
            )
            settings = settings.model_copy(update={"mongodb_uri": SecretStr(mongo.uri)})
        portal.call(_prepare, settings)
        assert settings.secret is not None and settings.mongodb_uri is not None
        os.environ["SESSIONWIRE_SECRET"] = settings.secret.get_secret_value()
        os.environ["SESSIONWIRE_MONGODB_URI"] = settings.mongodb_uri.get_secret_value()
        os.environ["SESSIONWIRE_BASE_URL"] = settings.base_url
        os.environ["SESSIONWIRE_DATA_DIR"] = str(settings.data_dir)
        os.environ["SESSIONWIRE_DEMO"] = "1" if demo else ""
        os.environ["SESSIONWIRE_LOG_LEVEL"] = logging.getLevelName(logging.root.level)
        os.environ["SESSIONWIRE_LOG_FORMAT"] = log_format
        if settings.metrics_dir is None and hasattr(socket, "AF_UNIX"):
            shared = tempfile.TemporaryDirectory(prefix="sessionwire-", ignore_cleanup_errors=True)
            os.environ["SESSIONWIRE_METRICS_DIR"] = stack.enter_context(shared)
        config = uvicorn_config(
            "sessionwire.cli:worker",
            settings,
            factory=True,
            workers=workers,
            lifespan="on",
            timeout_worker_healthcheck=_ALIVE_WITHIN,
        )
        threading.Thread(target=_announce_when_ready, args=(address,), daemon=True).start()
        supervisor = _Supervisor(config, sockets=[listener])
        supervisor.grace = settings.limits.shutdown + _MARGIN
        supervisor.drain = settings.limits.drain
        supervisor.run()
        if supervisor.failed:
            raise typer.Exit(1)


class _Supervisor(Multiprocess):
    """Replaces a worker that ended as long as another one serves.

    uvicorn gives all of them up when one cannot start: with MongoDB away for a while, a single
    worker's end would be everybody's.
    """

    grace = 0.0
    """Seconds after which a worker that was asked to end is killed."""
    drain = 0.0
    """Seconds for which workers that are to end refuse what is new, and serve what is there."""

    @property
    def failed(self) -> bool:
        """Whether some worker could not start."""
        return any(each.exitcode == STARTUP_FAILURE for each in self.processes)

    def keep_subprocess_alive(self) -> None:
        if self.should_exit.is_set():
            return
        super().keep_subprocess_alive()
        if self.should_exit.is_set() and any(_serves(each) for each in self.processes):
            self.should_exit.clear()
            for index, each in enumerate(self.processes):
                if each.exitcode is not None:
                    self.processes[index] = Process(self.config, self.sockets)
                    self.processes[index].start()

    def terminate_all(self) -> None:
        """Not ready from now on, and `drain` seconds later closed, or at a second signal."""
        if self.drain and _DRAIN is not None:
            for each in filter(_serves, self.processes):
                assert each.pid is not None
                os.kill(each.pid, _DRAIN)
            ends_at = time.monotonic() + self.drain
            while time.monotonic() < ends_at and not self.signal_queue:
                time.sleep(_POLL)
        super().terminate_all()

    def join_all(self) -> None:
        """Wait for their end; not for one that hangs, and after a second signal for none."""
        deadline = time.monotonic() + self.grace
        while any(each.exitcode is None for each in self.processes):
            if self.signal_queue or time.monotonic() > deadline:
                for each in self.processes:
                    each.kill()
                break
            time.sleep(_POLL)
        super().join_all()


def _serves(worker: Process) -> bool:
    return worker.exitcode is None and worker.is_ready(timeout=1)


async def _prepare(settings: Settings) -> None:
    """Refuse to start here, where it is said once, rather than in every worker again and again."""
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    async with Store.open(uri, database=settings.database, driver=settings.driver) as store:
        await store.ensure_indexes()


def worker() -> SessionWire:
    """The application of one of several workers, from the environment."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    format = os.environ.get("SESSIONWIRE_LOG_FORMAT")
    level = os.environ.get("SESSIONWIRE_LOG_LEVEL", "INFO")
    set_up_logs(level, "json" if format == "json" else "text")
    spare_the_heap()
    wire = SessionWire(demo=os.environ.get("SESSIONWIRE_DEMO") == "1")
    if _DRAIN is not None:
        signal.signal(_DRAIN, lambda *_: wire.refuse_more())
    return wire


def _end_with_parent() -> None:
    """Without the parent nobody ends this worker, and it would hold the port for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _announce_when_ready(address: str) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        try:
            health = urllib.request.Request(f"{address}/api/auth/ok", headers={"Host": "localhost"})
            with urllib.request.urlopen(health, timeout=1):
                announce(address)
                return
        except OSError:
            time.sleep(0.1)
    console.print("[bold red]sessionwire[/] is not ready; see the lines above")
