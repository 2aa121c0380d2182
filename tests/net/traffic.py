"""Packets for an open and for a closed port, and an established connection, all the time while something else happens."""
import socket
import struct
import threading
import time

from world import inside


class Traffic:
    """Afterwards: sent, lost (of the open port), leaked (to the closed one), stalled (of the connection)."""

    PAUSE = 0.0002  # between two rounds: the receiver must not lose any by itself

    def __init__(self, world, opened, closed):
        self.world, self.opened, self.closed = world, opened, closed
        self.stop = threading.Event()
        self.sent = self.lost = self.leaked = self.stalled = 0
        self.got, self.let_in = set(), 0

    def __enter__(self):
        world = self.world
        with inside(world.host) as call:
            self.servers = [call(lambda port=port: self.server(port)) for port in (self.opened, self.closed)]
        self.listener = world.listen(self.opened, address="0.0.0.0")
        with inside(world.outside) as call:
            self.client = call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.stream = world.connect(self.opened)
        assert self.stream, "the open port is not open"
        self.accepted, _ = self.listener.accept()
        self.threads = [threading.Thread(target=work) for work in (self.send, self.receive, self.watch, self.talk)]
        for thread in self.threads:
            thread.start()
        return self

    @staticmethod
    def server(port):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        made.bind(("0.0.0.0", port))
        made.settimeout(0.2)
        return made

    def send(self):
        """Never answered, so that each is a new packet for the rules."""
        targets = [(self.world.HOST, port) for port in (self.opened, self.closed)]
        while not self.stop.is_set():
            for target in targets:
                self.client.sendto(struct.pack("!I", self.sent), target)
            self.sent += 1
            time.sleep(self.PAUSE)

    def receive(self):
        while True:
            try:
                self.got.add(struct.unpack("!I", self.servers[0].recv(16))[0])
            except TimeoutError:
                if self.stop.is_set():
                    return

    def watch(self):
        while True:
            try:
                self.servers[1].recv(16)
                self.let_in += 1
            except TimeoutError:
                if self.stop.is_set():
                    return

    def talk(self):
        self.stream.settimeout(2)
        self.accepted.settimeout(2)
        while not self.stop.is_set():
            try:
                self.stream.sendall(b"x")
                self.accepted.recv(1)
            except OSError:
                self.stalled += 1
            time.sleep(0.001)

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        self.lost, self.leaked = self.sent - len(self.got), self.let_in
        for each in (*self.servers, self.listener, self.client, self.stream, self.accepted):
            each.close()
