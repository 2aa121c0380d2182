"""Packets byte by byte, also such as nobody should send."""
import socket
import struct

HOST, BEYOND = "198.51.100.1", "198.51.100.7"
HOST6, BEYOND6 = "2001:db8:1::1", "2001:db8:1::7"
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
NMAP_OPTIONS = bytes([2, 4, 5, 180])
LINUX_OPTIONS = bytes([2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7])


def tcp(port, flags=SYN, source_port=40000, options=b"", data=b"", words=None, window=1024, sequence=0x01020304):
    length = words if words is not None else (20 + len(options)) // 4
    return struct.pack("!HHIIBBHHH", source_port, port, sequence, 0, length << 4, flags, window, 0, 0) + options + data


def udp(port, data=b"", source_port=40000, length=None):
    return struct.pack("!HHHH", source_port, port, 8 + len(data) if length is None else length, 0) + data


def ipv4(inner, protocol=6, source=BEYOND, destination=HOST, options=b"", ttl=57, ident=54321, fragment=0, total=None,
         words=None, version=4):
    header = 20 + len(options)
    return struct.pack("!BBHHHBBH", version << 4 | (header // 4 if words is None else words), 0,
                       header + len(inner) if total is None else total, ident, fragment, ttl, protocol, 0) + \
        socket.inet_aton(source) + socket.inet_aton(destination) + options + inner


def with_checksum(packet):
    """Of an IPv4 header without options: a router throws away what has none (RFC 1071)."""
    total = sum(struct.unpack("!10H", packet[:20]))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return packet[:10] + struct.pack("!H", total ^ 0xffff) + packet[12:]


def ipv6(inner, following=6, source=BEYOND6, destination=HOST6, payload=None, ttl=57, version=6):
    return struct.pack("!IHBB", version << 28, len(inner) if payload is None else payload, following, ttl) + \
        socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination) + inner


def extension(following, inner, length=8):
    """Hop-by-hop, routing or destination options: alike but for their number."""
    return bytes([following, length // 8 - 1]) + bytes(length - 2) + inner


def fragment6(following, inner, offset=0, more=False, ident=7):
    return struct.pack("!BBHI", following, 0, offset | more, ident) + inner


def ethernet(inner, kind=None, tags=()):
    kind = kind if kind is not None else 0x86dd if inner[:1] and inner[0] >> 4 == 6 else 0x0800
    head = bytes(6) + bytes([2, 0, 0, 0, 0, 7])  # to the loopback interface of a test run
    return head + b"".join(struct.pack("!HH", tag, 5) for tag in tags) + struct.pack("!H", kind) + inner


def error4(quoted, kind=3, code=3):
    return ipv4(struct.pack("!BBHI", kind, code, 0, 0) + quoted, protocol=1)


def error6(quoted, kind=1, code=4):
    return ipv6(struct.pack("!BBHI", kind, code, 0, 0) + quoted, following=58)
