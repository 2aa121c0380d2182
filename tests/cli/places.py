"""Where the sources and the built programs lie."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MINATO_BUILD", ROOT / "build"))
