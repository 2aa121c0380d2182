"""A host whose binds are guarded: a cgroup, network namespaces and pins of its own, and programs that bind there."""
import contextlib
import errno
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from world import BUILD, MINATO, checked, os_setns, run

PROBE = BUILD / "tests" / "net" / "guard-probe"
RESERVED = "/proc/sys/net/ipv4/ip_local_reserved_ports"
ID = "0123456789abcdef" * 4
WEB, OTHER = "system.slice/web.service", "system.slice/other.service"
NOBODY = 65534
numbers = itertools.count()


def cgroup2():
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        if right.split()[0] == "cgroup2":
            return pathlib.Path(left.split()[4])
    return None


class Binder:
    """A program that binds when it is told to, in a cgroup and a network namespace."""

    def __init__(self, host, cgroup, program=PROBE, user=None, namespace=None, before=()):
        procs = host.group(cgroup) / "cgroup.procs"

        def enter():
            procs.write_text("0")
            fd = os.open(f"/run/netns/{namespace or host.namespace}", os.O_RDONLY)
            os_setns(fd)
            os.close(fd)
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)

        self.process = subprocess.Popen([*before, program, "obey"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=enter, start_new_session=True)

    def tell(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def attempt(self, *words):
        for _ in range(1000):
            result = self.tell(*words)
            if result != errno.EADDRINUSE:  # somebody looks at the file of the last socket: it is not closed yet
                break
        assert result in (0, errno.EPERM), errno.errorcode.get(result, result)
        return result == 0

    def bind(self, port, protocol="tcp", address="127.0.0.1"):
        """True when it was bound, False when it was refused with EPERM; anything else is a fault."""
        return self.attempt("bind", protocol, address, port)

    def child(self, procs, port, program="-"):
        return self.attempt("child", procs, program, "tcp", "127.0.0.1", port)

    def pid(self):
        """Of the program itself, behind what stands before it."""
        pid = self.process.pid
        while True:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not children:
                return pid
            pid = int(children[0])

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Host:
    def __init__(self):
        name = f"mng-{os.getpid()}-{next(numbers)}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="minato-guard-"))
        self.folder.chmod(0o755)
        self.policy = self.folder / "policy.yaml"
        self.bpf = self.folder / "bpf"
        self.bpf.mkdir()
        checked("mount", "-t", "bpf", "bpf", self.bpf)
        self.pins = self.bpf / "guard"
        self.cgroup = cgroup2() / name
        self.cgroup.mkdir()
        self.namespaces, self.binders = [], []
        self.namespace = self.make_namespace()

    def make_namespace(self):
        name = f"mng-{os.getpid()}-{next(numbers)}n"
        checked("ip", "netns", "add", name)
        self.namespaces.append(name)
        checked("ip", "-n", name, "link", "set", "lo", "up")
        return name

    def group(self, path):
        made = self.cgroup / path
        made.mkdir(parents=True, exist_ok=True)
        return made

    def remove_group(self, path):
        (self.cgroup / path).rmdir()

    def binder(self, cgroup=OTHER, **more):
        self.binders.append(Binder(self, cgroup, **more))
        return self.binders[-1]

    def binds(self, port, cgroup=OTHER, protocol="tcp", address="127.0.0.1", **more):
        """Whether a program that was just started may bind the port."""
        binder = Binder(self, cgroup, **more)
        try:
            return binder.bind(port, protocol, address)
        finally:
            binder.end()

    def copy(self, name):
        """Another program: the same bytes in a file of their own."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        shutil.copy(PROBE, path)
        path.chmod(0o755)
        return path

    def command(self, *words, before=(), command="guard", **more):
        environment = {**os.environ, "MINATO_GUARD_DIRECTORY": str(self.pins), "MINATO_GUARD_CGROUP": str(self.cgroup),
                       "MINATO_RUNTIME_DIRECTORY": "/nonexistent", "MINATO_RULES_DIRECTORY": str(self.folder / "rules"),
                       "LANG": "C.UTF-8", **more}
        # Not `ip netns exec`: it mounts another /sys, without the cgroups and the pins.
        command = ["nsenter", f"--net=/run/netns/{self.namespace}", *before, MINATO, "--policy", self.policy, command,
                   *words]
        return command, {key: value for key, value in environment.items() if value is not None}

    def minato(self, *words, **more):
        command, environment = self.command(*words, **more)
        return run(*command, env=environment, stdin=subprocess.DEVNULL)

    def start(self, *words, **more):
        """The same, not waited for."""
        command, environment = self.command(*words, **more)
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def declare(self, text, head=""):
        self.policy.write_text(f"minato: 1\n{head}ports:\n" + "".join(
            f"  d{n}: {{port: {port}, for: test, owner: o, from: {source}, program: {{{program}}}}}\n"
            for n, (port, program, source) in enumerate(text)))

    def guard(self, *rules, mode="enforce", words=(), **more):
        """The guard with (ports, program) or (ports, program, from) as its policy."""
        self.declare([(*rule, "host")[:3] for rule in rules])
        done = self.minato("on", "--mode", mode, *words, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self):
        return json.loads(self.minato("status", "--json").stdout)["guard"]

    def attempts(self):
        return [json.loads(line) for line in checked(PROBE, "attempts", self.pins).splitlines()]

    def inside(self, *words):
        return checked("nsenter", f"--net=/run/netns/{self.namespace}", *words)

    def remove(self):
        for binder in self.binders:
            binder.end()
        self.minato("off")
        checked("umount", "--lazy", self.bpf)  # with what a test of a broken guard left in it
        for name in self.namespaces:
            run("ip", "netns", "del", name)
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            os.rmdir(folder)
        shutil.rmtree(self.folder)


def guarded_host():
    """The body of a fixture."""
    if cgroup2() is None:
        pytest.skip("needs cgroup v2")
    made = Host()
    yield made
    made.remove()
