"""open and close: a line in the policy file and the rules with it, or neither."""
import datetime

import pytest

from world import World

POLICY = """# ports of this host
minato: 1
who:
  friends: [10.77.0.2, 10.77.0.3]   # the guild
ports:
  # the way in
  ssh: {port: 22/tcp, for: administration, owner: o, from: any}

  # shares
  smb:
    port: [445/tcp, 139/tcp]
    for: file sharing
    owner: o
    from: friends
  range: {port: 8000-8010/tcp, for: tests, owner: o, from: any}
"""


@pytest.fixture
def world():
    made = World()
    made.hold(POLICY)
    yield made
    made.remove()


def test_open_declares_and_opens(world):
    world.listen(25565)
    assert world.connect(25565, world.FRIEND) is None
    done = world.minato("open", "25565/tcp", "--for", "Minecraft: a game", "--from", "friends", "--until", "30d")
    assert done.returncode == 0, done.stderr
    assert "nothing has to be confirmed" in done.stdout
    day = datetime.date.today() + datetime.timedelta(days=30)
    text = world.policy.read_text()
    assert text.startswith(POLICY) and str(day) in text and "Minecraft: a game" in text
    assert world.connect(25565, world.FRIEND)
    assert world.connect(25565, world.OTHER) is None


def test_a_ready_made_use_brings_ports_and_purpose(world):
    done = world.minato("open", "minecraft")
    assert done.returncode == 0, done.stderr
    text = world.policy.read_text()
    assert "profile: minecraft" in text and "Minecraft (Java Edition)" in text and "@" in text
    world.listen(25565)
    assert world.connect(25565, world.OTHER)


def test_a_port_that_is_declared_is_widened_not_declared_twice(world):
    world.listen(445)
    assert world.connect(445, world.OTHER) is None
    done = world.minato("open", "445/tcp", "--from", world.OTHER)
    assert done.returncode == 0, done.stderr
    assert world.connect(445, world.OTHER) and world.connect(445, world.FRIEND)
    assert world.policy.read_text().count("445/tcp") == 1
    done = world.minato("open", "445/tcp", "--from", world.OTHER)
    assert done.returncode == 0 and "declared already" in done.stdout + done.stderr or "nothing" in done.stdout


def ended(client):
    client.settimeout(1.5)
    try:
        client.sendall(b"x")
        client.recv(1)
        return False
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_a_declaration_is_narrowed_and_cuts_where_that_is_said(world):
    server = world.listen(22)
    clients = {source: world.connect(22, source) for source in (world.FRIEND, world.OTHER)}
    world.sockets += [server.accept()[0] for _ in clients]
    done = world.minato("open", "22/tcp", "--from", world.FRIEND, "--only", "--even-if-it-cuts-me")
    assert done.returncode == 0, done.stderr
    assert "1 live connection stays until it ends, but could not come in again" in done.stdout
    assert f"from: {world.FRIEND}" in world.policy.read_text().split("# shares")[0]
    assert not ended(clients[world.OTHER]) and world.connect(22, world.OTHER) is None
    assert world.minato("rollback").returncode == 0  # the file stays narrowed
    done = world.minato("open", "22/tcp", "--from", world.FRIEND, "--only", "--cut", "--even-if-it-cuts-me")
    assert done.returncode == 0, done.stderr
    assert "1 live connection is cut for good as soon as these rules are tried" in done.stdout
    assert "cut: yes" in world.policy.read_text()
    assert ended(clients[world.OTHER]) and not ended(clients[world.FRIEND])


def test_what_is_opened_may_cut_from_the_beginning(world):
    done = world.minato("open", "4000/tcp", "--for", "x", "--from", world.FRIEND, "--cut")
    assert done.returncode == 0, done.stderr
    assert "cut: yes" in world.policy.read_text()
    assert "g2-end-" in world.nft("list", "table", "inet", "minato")


def test_close_by_word_takes_every_port_of_it_and_tells_who_still_listens(world):
    world.listen(445)
    done = world.minato("close", "smb", "--even-if-it-cuts-me")
    assert done.returncode == 0, done.stderr
    text = world.policy.read_text()
    assert "smb" not in text and "# shares" not in text and "# the way in" in text
    assert "445/tcp still listens" in done.stdout
    assert world.connect(445, world.FRIEND) is None


def test_close_takes_one_number_out_of_a_range(world):
    world.listen(8005)
    world.listen(8006)
    assert world.minato("close", "8005/tcp").returncode == 0
    assert "8000-8004/tcp, 8006-8010/tcp" in world.policy.read_text()
    assert world.connect(8005) is None and world.connect(8006)


def test_dry_run_writes_nothing(world):
    before = world.listing()
    done = world.minato("open", "4000/tcp", "--for", "x", "--dry-run")
    assert done.returncode == 0 and "4000/tcp" in done.stdout
    assert world.policy.read_text() == POLICY and world.listing() == before


@pytest.mark.parametrize("words, sentence", [
    (["open", "4000/tcp"], "without a purpose"),
    (["open", "70000/tcp", "--for", "x"], "from 1 to 65535"),
    (["open", "0/tcp", "--for", "x"], "from 1 to 65535"),
    (["open", "nosuchthing"], "neither a port nor"),
    (["open", "4000/tcp", "--for", "x", "--until", "yesterday"], "--until is a day or a span"),
    (["open", "4000/tcp", "--for", "x", "--until", "2001-01-01"], "over already"),
    (["open", "4000/tcp", "--for", "x", "--from", ","], "names nobody"),
    (["open", "4000/tcp", "--for", "x", "--from", "nobody-known"], "not touched"),
    (["open", "22/tcp", "--only"], "--only goes with --from"),
    (["open", "8005-9000/tcp", "--for", "x", "--from", "friends", "--only"], "narrow them in the file"),
    (["close", "nosuchthing"], "neither a port nor"),
])
def test_what_cannot_be_is_told_and_nothing_is_lost(world, words, sentence):
    before = world.listing()
    done = world.minato(*words)
    assert done.returncode in (1, 3) and sentence in done.stderr
    assert world.policy.read_text() == POLICY and world.listing() == before


def test_rules_that_are_refused_leave_the_file_as_it_was(world):
    server = world.listen(22)
    client = world.connect(22)  # served by an ancestor of the command: the login it is typed in
    accepted, _ = server.accept()
    world.sockets += [client, accepted]
    done = world.minato("close", "ssh")
    assert done.returncode == 1 and "could not come in again" in done.stderr
    assert world.policy.read_text() == POLICY and world.connect(22)


def test_without_a_policy_it_says_what_to_do(world):
    world.policy.unlink()
    done = world.minato("open", "4000/tcp", "--for", "x")
    assert done.returncode == 1 and "minato init" in done.stderr
