"""Every BPF program says under which licences it is, to people and to the kernel."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPDX = "/* SPDX-License-Identifier: MIT OR GPL-2.0 */\n"
KERNEL = 'SEC("license") = "Dual MIT/GPL"'


def test_files_of_bpf_name_both_licences():
    files = [*ROOT.glob("bpf/*.c"), *ROOT.glob("bpf/*.h")]
    assert files
    assert [f.name for f in files if not f.read_text().startswith(SPDX)] == []


def test_programs_tell_the_kernel():
    programs = list(ROOT.glob("bpf/*.bpf.c"))
    assert programs
    assert [p.name for p in programs if KERNEL not in p.read_text()] == []


def test_both_texts_are_there():
    assert "MIT License" in (ROOT / "LICENSE").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "bpf/LICENSE.GPL-2.0").read_text()
