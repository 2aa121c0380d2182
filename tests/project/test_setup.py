"""tools/setup asks apt for nothing that is there, and says what to type when it may not install."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ABSENT = "minato-absent-package"


@pytest.fixture
def clone():
    """A folder that anybody can read, with tools/setup and an apt-get that only writes down its words."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        place = pathlib.Path(folder)
        for name in ("tools", "packaging", "bin"):
            (place / name).mkdir()
        shutil.copy(ROOT / "tools/setup", place / "tools/setup")
        (place / "packaging/debian-packages.txt").write_text("# a comment\nbash\n")
        (place / "bin/apt-get").write_text(f"#!/bin/sh\necho \"$@\" >>{place}/asked\n")
        (place / "bin/apt-get").chmod(0o755)
        yield place


def run_setup(place, *lists, **more):
    environment = {"PATH": f"{place}/bin:{os.environ['PATH']}"}
    return subprocess.run([place / "tools/setup", *lists], capture_output=True, text=True, env=environment, **more)


def test_nothing_is_asked_when_everything_is_there(clone):
    done = run_setup(clone)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (clone / "asked").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="installing needs root")
def test_what_is_missing_in_any_list_is_installed(clone):
    (clone / "packaging/more.txt").write_text(f"# another\nbash\n{ABSENT}\n")
    done = run_setup(clone, "packaging/more.txt")
    assert done.returncode == 0
    update, install = (clone / "asked").read_text().splitlines()
    assert update.startswith("update")
    assert install.startswith("install") and install.endswith(f" {ABSENT}")


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_without_root_it_says_what_to_type(clone):
    (clone / "packaging/debian-packages.txt").write_text(f"bash\n{ABSENT}\n")
    done = run_setup(clone, user=65534, group=65534, extra_groups=[])
    assert done.returncode == 1
    assert f"sudo apt-get install --no-install-recommends {ABSENT}\n" in done.stderr
    assert not (clone / "asked").exists()


@pytest.fixture
def web(clone):
    """The same with tools/setup-web and an npm that does as the test says."""
    shutil.copy(ROOT / "tools/setup-web", clone / "tools/setup-web")
    (clone / "tests/web").mkdir(parents=True)
    shutil.copy(ROOT / "tests/web/package.json", clone / "tests/web")

    def npm(script):
        (clone / "bin/npm").write_text(f"#!/bin/sh\necho \"$@\" >>{clone}/asked\n{script}\n")
        (clone / "bin/npm").chmod(0o755)

    npm("exit 0")
    return npm


def run_setup_web(place):
    environment = {"PATH": f"{place}/bin:{os.environ['PATH']}"}
    return subprocess.run([place / "tools/setup-web"], capture_output=True, text=True, env=environment)


def test_npm_is_asked_for_what_is_pinned_and_once(clone, web):
    web(f"mkdir -p {clone}/tests/web/node_modules/axe-core; echo '  \"version\": \"4.14.1\",' >{clone}/tests/web/node_modules/axe-core/package.json")
    assert run_setup_web(clone).returncode == 0
    assert (clone / "asked").read_text().startswith("ci --prefix tests/web")
    assert run_setup_web(clone).returncode == 0
    assert len((clone / "asked").read_text().splitlines()) == 1


def test_without_the_registry_it_says_what_is_not_tested(clone, web):
    web("echo 'no network here'; exit 1")
    done = run_setup_web(clone)
    assert done.returncode == 0
    assert "no network here" in done.stderr and "is not tested for accessibility" in done.stderr


def test_the_lock_pins_what_the_package_names_and_names_no_host():
    lock = (ROOT / "tests/web/package-lock.json").read_text()
    assert '"axe-core": "4.14.1"' in (ROOT / "tests/web/package.json").read_text()
    assert lock.count("4.14.1") >= 2 and "sha512-" in lock
    assert "://" not in lock
