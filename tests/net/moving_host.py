"""A host whose sshd lies in /usr and /etc of its own: overlays that only its processes see, so that nothing of the
machine is touched and paths are the real ones. systemctl is a stand-in there; `fault` makes steps fail."""
import json
import pathlib
import subprocess

from openssh import Sshd, server
from world import MINATO, run

MAIN = "# the host's own\nInclude /etc/ssh/sshd_config.d/*.conf\n"

# The first word of the file `fault` says what goes wrong.
WRAPPER = """#!/bin/sh
if [ "$1" = -t ] && [ "$(cat {folder}/fault 2>/dev/null)" = refuse ] && ! cmp -s /etc/ssh/sshd_config {folder}/main; then
    echo "line 3: Bad configuration option: Nonsense"
    exit 255
fi
if [ "$1" = -t ] && [ "$(cat {folder}/fault 2>/dev/null)" = drop-in ] && [ -e /etc/ssh/sshd_config.d/minato-port.conf ]; then
    echo "line 3: Bad configuration option: Nonsense"
    exit 255
fi
exec env LD_LIBRARY_PATH={libraries} /usr/lib/minato-test/sshd "$@"
"""


class MovingHost(Sshd):
    def __init__(self, world, main=MAIN, drop_ins=None, options=""):
        self.prepare(world)
        words = server().split()
        real = words[-1]
        libraries = words[1].split("=")[1] if len(words) > 1 else ""
        usr, upper = self.folder / "usr", self.folder / "etc"
        for folder in (usr / "sbin", usr / "bin", usr / "lib/minato-test", upper / "ssh/sshd_config.d",
                       self.folder / "work"):
            folder.mkdir(parents=True)
        self.make_program(usr / "sbin/sshd", WRAPPER.format(folder=self.folder, libraries=libraries))
        self.systemctl = usr / "bin/systemctl"
        self.make_program(self.systemctl, f"#!/bin/sh\necho \"$*\" >> {self.folder}/called\nexit 1\n")
        (usr / "lib/minato-test/sshd").write_bytes(pathlib.Path(real).read_bytes())
        (usr / "lib/minato-test/sshd").chmod(0o755)
        (upper / "ssh/sshd_config").write_text(main + self.settings())
        (upper / "ssh/sshd_config").chmod(0o600)
        for name, text in (drop_ins or {}).items():
            (upper / "ssh/sshd_config.d" / name).write_text(text)
        (upper / "passwd").write_bytes((self.folder / "passwd").read_bytes())
        self.start(f"mount -t overlay -o lowerdir={usr}:/usr none /usr && "
                   f"mount -t overlay -o lowerdir=/etc,upperdir={upper},workdir={self.folder}/work none /etc && "
                   f"mkdir -p /run/sshd && {self.command(libraries, options)}")

    def command(self, libraries, options):
        """What listens on port 22."""
        return f"exec env LD_LIBRARY_PATH={libraries} /usr/lib/minato-test/sshd -D -e {options}"

    @staticmethod
    def make_program(path, text):
        path.write_text(text)
        path.chmod(0o755)

    def inside(self):
        return ["nsenter", "-t", self.process.pid, "-m", "-n"]

    def here(self, *words, **more):
        """The command as a job of the machine itself, without a login."""
        return run(*self.inside(), MINATO, "--policy", self.world.policy, *words, env=self.world.environment(**more),
                   stdin=subprocess.DEVNULL)

    def state(self):
        return json.loads(self.here("move", "--json").stdout)["move"]

    def through(self, port, *words):
        return self.minato(*words, options=("-p", port))

    def etc(self):
        """Every file below /etc that this host changed, with its bytes and mode."""
        top = pathlib.Path(f"/proc/{self.process.pid}/root/etc")
        found = {}
        for folder in ("ssh", "sysctl.d", "systemd/system"):
            for path in sorted((top / folder).rglob("*")):
                if path.is_file() and not path.is_symlink():
                    found[str(path.relative_to(top))] = (path.read_bytes(), path.stat().st_mode)
                elif path.is_dir() and not path.is_symlink():
                    found[str(path.relative_to(top))] = "folder"
        return found

    def reserved(self):
        return run(*self.inside(), "cat", "/proc/sys/net/ipv4/ip_local_reserved_ports").stdout.strip()

    def everything(self):
        """What has to be as before once a move is undone."""
        return (self.etc(), self.world.policy.read_bytes(), self.world.policy.stat().st_mode, self.reserved(),
                self.open_ports())

    def open_ports(self):
        return {port for port in (22, 50022) if self.world.connect(port)}


# Holds what the loaded unit says, and starts an sshd for each connection, as systemd does with Accept=yes.
HOLDER = """
import ctypes, os, select, signal, socket
FOLDER = {folder!r}
ctypes.CDLL(None).prctl(15, b"systemd")
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
sockets, wanted = [], True

def again(*_):
    global wanted
    wanted = True

def listens():
    found = ["[::]:22"]
    if os.path.exists(FOLDER + "/loaded"):
        for line in open(FOLDER + "/loaded"):
            if line.startswith("ListenStream="):
                value = line.strip().split("=")[1]
                found = found + [value] if value else []
    return found

def bind():
    global wanted
    wanted = False
    while sockets:
        sockets.pop().close()
    for value in listens():
        made = socket.create_server(("::", int(value.rsplit(":", 1)[1])), family=socket.AF_INET6, dualstack_ipv6=True)
        sockets.append(made)
    with open(FOLDER + "/held.new", "w") as f:
        f.writelines(f"Listen={{value}} (Stream)\\n" for value in listens())
    os.rename(FOLDER + "/held.new", FOLDER + "/held")

signal.signal(signal.SIGUSR1, again)
open(FOLDER + "/holder", "w").write(str(os.getpid()))
while True:
    if wanted:
        bind()
    for ready in select.select(sockets, [], [], 0.05)[0]:
        connection, _ = ready.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(connection.fileno(), 0)
            os.dup2(connection.fileno(), 1)
            os.execv("/usr/lib/minato-test/sshd", ["/usr/lib/minato-test/sshd", "-i"])
        connection.close()
"""

# Only what daemon-reload has read is heeded by restart, as with the real one.
SYSTEMCTL = """#!/bin/sh
echo "$*" >> {folder}/called
case "$1" in
show) printf 'Id=dbus.socket\\nListen=/run/dbus (Stream)\\nActiveState=active\\n\\n'
      printf 'Id=ssh.socket\\nTriggers=ssh@0.service\\nAccept=yes\\nActiveState=active\\n'
      cat {folder}/held ;;
daemon-reload) cp /etc/systemd/system/ssh.socket.d/*.conf {folder}/loaded 2>/dev/null || rm -f {folder}/loaded ;;
restart) [ ! -e {folder}/fault ] || exit 1
         rm -f {folder}/held; kill -USR1 $(cat {folder}/holder)
         while [ ! -e {folder}/held ]; do sleep 0.02; done ;;
is-active) [ "$4" = ssh.socket ] ;;
esac
"""


class SocketHost(MovingHost):
    """The sockets of sshd are held by a process that is called systemd."""

    def command(self, libraries, options):
        self.make_program(self.systemctl, SYSTEMCTL.format(folder=self.folder))
        (self.folder / "holder.py").write_text(HOLDER.format(folder=str(self.folder)))
        return f"exec env LD_LIBRARY_PATH={libraries} /usr/bin/python3 {self.folder}/holder.py"

    def called(self):
        return (self.folder / "called").read_text().splitlines()
