"""Where a Chromium is, and how to have one without root: `make chromium`.

Debian's (`apt-get install chromium`) is found on PATH. Without root its packages are downloaded by apt as any user may, and
unpacked into ~/.cache/zhongtai/chromium: nothing is installed, and removing the folder removes it. Debian and its kin only.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zhongtai" / "chromium"
NEEDED = ("chromium", "chromium-common", "fonts-wqy-zenhei")
WHY = "no Chromium: apt-get install chromium (as root), or make chromium (without)"
_URI = re.compile(r"^'\S+' ([^_\s]+)_\S+\.deb ", re.MULTILINE)


class Browser(NamedTuple):
    """A program, and what its environment must have besides."""

    path: Path
    environment: dict[str, str]


def found() -> Browser | None:
    """A Chromium of this machine, else the one in the cache."""
    for name in NAMES:
        if path := shutil.which(name):
            return Browser(Path(path), {})
    unpacked = CACHE / "usr" / "lib" / "chromium" / "chromium"
    if not unpacked.exists():
        return None
    libraries = [CACHE / "usr" / "lib" / f"{os.uname().machine}-linux-gnu", CACHE / "usr" / "lib" / "chromium"]
    libraries += sorted({file.parent for file in (CACHE / "usr" / "lib").rglob("lib*.so*")})
    path = ":".join(dict.fromkeys(map(str, libraries)))
    return Browser(unpacked, {"LD_LIBRARY_PATH": path, "XDG_DATA_DIRS": f"{CACHE}/usr/share:/usr/share"})


def fetch() -> None:
    """Downloads Chromium and what this machine lacks of it, and unpacks that into the cache."""
    plan = [
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "--print-uris",
        "-o",
        "Debug::NoLocking=1",
        *NEEDED,
    ]
    told = subprocess.run(plan, check=True, capture_output=True, text=True).stdout
    packages = [match[1] for match in _URI.finditer(told)]
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        subprocess.run(["apt-get", "download", *packages], check=True, cwd=folder)
        for package in sorted(Path(folder).glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", package, CACHE], check=True)


if __name__ == "__main__":
    if found() is None:
        fetch()
    browser = found()
    if browser is None:
        sys.exit("apt brought no Chromium; see what it said above.")
    print(browser.path)
