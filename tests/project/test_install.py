"""What `meson install` puts where: names that man and the shells look for."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MINATO_BUILD", ROOT / "build"))


def installed():
    done = subprocess.run(["meson", "introspect", "--installed", BUILD], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout).values())


@pytest.mark.parametrize("path", [
    "/bin/minato",
    "/sbin/minatod",
    "/libexec/minato/minato-engine",
    "/libexec/minato/minato-face",
    "/libexec/minato/minato-sentry",
    "/share/man/man1/minato.1",
    "/share/man/ja/man1/minato.1",
    "/share/man/man5/minato-policy.5",
    "/share/man/ja/man5/minato-policy.5",
    "/share/man/man5/minato-policy.5",
    "/share/man/ja/man5/minato-policy.5",
    "/share/bash-completion/completions/minato",
    "/share/zsh/site-functions/_minato",
    "/share/fish/vendor_completions.d/minato.fish",
    "/share/locale/ja/LC_MESSAGES/minato.mo",
    "/lib/systemd/system/minatod.service",
    "/lib/systemd/system/minato-rules.service",
    "/lib/systemd/system/minato-guard.path",
    "/lib/systemd/system/minato-guard.service",
    "/lib/systemd/system/minato-review.service",
    "/lib/systemd/system/minato-review.timer",
    "/lib/systemd/system/minato-audit.service",
    "/lib/systemd/system/minato-audit.timer",
    "/lib/sysusers.d/minato.conf",
])
def test_it_lies_where_it_is_looked_for(path):
    assert [p for p in installed() if p.endswith(path)] != []


def test_manual_pages_carry_nothing_but_name_and_section():
    pages = [pathlib.PurePath(p) for p in installed() if "/man/" in p]
    assert pages
    for page in pages:
        assert page.name.split(".")[1:] == [page.parent.name.removeprefix("man")]


def unit(name):
    return (BUILD / "packaging/systemd" / name).read_text()


def test_rules_come_before_the_network_and_after_who_flushes_them():
    text = unit("minato-rules.service")
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
    assert lines["Type"] == "oneshot" and lines["RemainAfterExit"] == "yes"
    assert lines["DefaultDependencies"] == "no"
    assert set(lines["Before"].split()) == {"network-pre.target", "sysinit.target", "shutdown.target"}
    assert lines["Conflicts"] == "shutdown.target" and lines["Wants"] == "network-pre.target"
    assert {"nftables.service", "local-fs.target"} <= set(lines["After"].split())
    assert re.fullmatch(r"/.*/minato restore", lines["ExecStart"])
    assert "minato-rules.service" in re.search(r"^After=(.*)$", unit("minatod.service"), re.M)[1].split()


def settings(name):
    """Key -> list of values, as they come."""
    found = {}
    for line in unit(name).splitlines():
        if "=" in line and line[0] != "#":
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def test_the_guard_is_loaded_again_with_the_rights_of_the_rules_service():
    rules, guard = settings("minato-rules.service"), settings("minato-guard.service")
    for key in ("CapabilityBoundingSet", "NoNewPrivileges", "RestrictAddressFamilies", "ProtectHome"):
        assert rules[key] == guard[key]
    assert {"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"} <= set(rules["CapabilityBoundingSet"][0].split())
    restores = [line for line in guard["ExecStart"] if re.fullmatch(r"/.*/minato restore", line)]
    assert len(restores) == 2 and guard["Type"] == ["oneshot"] and "RemainAfterExit" not in guard
    assert "Install" not in unit("minato-guard.service")  # its path starts it
    assert "/var/lib/docker/containers" in settings("minato-guard.path")["PathChanged"]


def test_the_review_comes_again_also_when_it_found_something():
    timer, service = settings("minato-review.timer"), settings("minato-review.service")
    assert "OnUnitInactiveSec" in timer and "OnUnitActiveSec" not in timer
    assert service["Type"] == ["oneshot"] and re.fullmatch(r"/.*/minato findings .*--fail-on high", service["ExecStart"][0])
    assert "SuccessExitStatus" not in service and "Install" not in unit("minato-review.service")


def test_devices_are_audited_again_also_when_something_was_found():
    timer, service = settings("minato-audit.timer"), settings("minato-audit.service")
    assert timer["OnUnitInactiveSec"] == ["1min"] and "OnUnitActiveSec" not in timer  # as often as every: may say
    assert service["Type"] == ["oneshot"] and re.fullmatch(r"/.*/minato audit --due", service["ExecStart"][0])
    assert "SuccessExitStatus" not in service and "Install" not in unit("minato-audit.service")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
@pytest.mark.parametrize("name", ["minato-rules.service", "minatod.service", "minato-guard.path", "minato-review.timer", "minato-audit.timer"])
def test_systemd_takes_the_units(name, tmp_path):
    """With the programs where they are, for they are not installed."""
    text = re.sub(r"^(ExecStart=)/\S*/(\w+)", rf"\1{BUILD}/\2", unit(name), flags=re.M)
    (tmp_path / name).write_text(text)
    if not name.endswith(".service"):
        service = name.rsplit(".", 1)[0] + ".service"
        (tmp_path / service).write_text(re.sub(r"^(ExecStart=)/\S*/(minato)\b", rf"\1{BUILD}/\2", unit(service), flags=re.M))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", tmp_path / name],
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
