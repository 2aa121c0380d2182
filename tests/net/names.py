"""A resolver for one network namespace: files beneath /etc/netns/NAME, which `ip netns exec` lays over those of the
machine, and a DNS server on the namespace's loopback."""
import contextlib
import ipaddress
import pathlib
import shutil
import socket
import struct
import threading

from world import inside

NXDOMAIN, TYPES = 3, {4: 1, 6: 28}


class Names:
    def __init__(self, namespace):
        self.folder = pathlib.Path("/etc/netns") / namespace
        self.made_parent = not self.folder.parent.exists()
        self.folder.mkdir(parents=True)
        self.records = {}  # name -> addresses; not in it: NXDOMAIN; None: no answer at all
        self.asked = []
        self.put("nsswitch.conf", "hosts: files dns\n")
        self.put("resolv.conf", "nameserver 127.0.0.1\n")
        self.hosts()

        def make():
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.bind(("127.0.0.1", 53))
            return server

        with inside(namespace) as call:
            self.server = call(make)
        threading.Thread(target=self.serve, daemon=True).start()

    def put(self, name, text):
        (self.folder / name).write_text(text)

    def hosts(self, *lines):
        self.put("hosts", "".join(f"{line}\n" for line in ("127.0.0.1 localhost", *lines)))

    def stop(self):
        """Nothing listens on port 53 any more."""
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)  # wakes the thread; a socket without a peer complains all the same
        self.server.close()

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)
        if self.made_parent:
            with contextlib.suppress(OSError):
                self.folder.parent.rmdir()

    def serve(self):
        while True:
            try:
                query, client = self.server.recvfrom(2048)
            except OSError:
                return
            if not query:
                return  # stopped
            reply = self.reply(query)
            if reply:
                with contextlib.suppress(OSError):
                    self.server.sendto(reply, client)

    def reply(self, query):
        """RFC 1035 4.1: one question, its answers."""
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        self.asked.append(name)
        known = self.records.get(name, [])
        if known is None:
            return None
        addresses = [a for a in map(ipaddress.ip_address, known) if TYPES[a.version] == kind]
        code = 0 if name in self.records else NXDOMAIN
        head = query[:2] + struct.pack("!5H", 0x8180 | code, 1, len(addresses), 0, 0)
        answers = b"".join(struct.pack("!HHHIH", 0xc00c, kind, 1, 60, len(a.packed)) + a.packed for a in addresses)
        return head + query[12:at + 5] + answers
