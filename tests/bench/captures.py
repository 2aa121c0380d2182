"""Packets of a capture file, as little as the detection matrix needs of each."""
import ipaddress
import mmap
import os
import signal
import socket
import struct
import subprocess
import time



class Capture:
    """What an interface sees until stop(), in a file (pcap, Ethernet)."""

    def __init__(self, namespace, interface, path, *words):
        self.namespace, self.path = namespace, path
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, "tcpdump", "-i", interface, "-s", "128", "-B", "131072", "-n", "-Z", "root", "-w", path, *words],
            stderr=subprocess.PIPE, start_new_session=True)
        assert any(b"listening on" in line for line in iter(self.process.stderr.readline, b"")), "tcpdump does not start"

    def stop(self):
        """@return how many packets the kernel had no room for."""
        time.sleep(1.2)  # tcpdump reads whole blocks, which the kernel hands over after a second at most
        self.process.send_signal(signal.SIGINT)
        said = self.process.stderr.read().decode()
        self.process.wait(timeout=60)
        self.process.stderr.close()
        return next(int(line.split()[0]) for line in said.splitlines() if "dropped by kernel" in line)


def packets(path, sources):
    """(seconds, source, destination, protocol and port) of each from those sources; without later fragments."""
    wanted = {ipaddress.ip_address(each).packed for each in sources}
    found = []
    if os.path.getsize(path) <= 24:
        return found
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at, size = 24, len(data)
        while at + 16 <= size:
            seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
            frame = at + 16
            at = frame + length
            packet = decode(data, frame, wanted)
            if packet:
                found.append((seconds + micros / 1e6, *packet))
    return found


def decode(data, frame, wanted):
    kind = data[frame + 12:frame + 14]
    ip = frame + 14
    if kind == b"\x08\x00":
        source, target = data[ip + 12:ip + 16], data[ip + 16:ip + 20]
        protocol, first = data[ip + 9], int.from_bytes(data[ip + 6:ip + 8], "big") & 0x1fff == 0
        payload, family = ip + (data[ip] & 15) * 4, socket.AF_INET
    elif kind == b"\x86\xdd":
        source, target = data[ip + 8:ip + 24], data[ip + 24:ip + 40]
        protocol, first, payload, family = data[ip + 6], True, ip + 40, socket.AF_INET6
    else:
        return None
    if source not in wanted or not first or protocol not in (6, 17):
        return None
    port = int.from_bytes(data[payload + 2:payload + 4], "big")
    return socket.inet_ntop(family, source), socket.inet_ntop(family, target), (protocol, port)
