"""Downloads a source distribution with pip's own finder and session.

`pip download --no-binary` runs the project's build backend to learn its metadata; this only
fetches the file. Usage: sdist.py NAME VERSION SHA256 FOLDER. Prints the file's path. Without a
digest ("-") it prints the one it found, to be pinned.
"""

import hashlib
import sys
from pathlib import Path

from pip._internal.commands import create_command


def fetch(name, version, digest, folder):
    command = create_command("download")
    options, _ = command.parse_args(["--no-binary", ":all:", "--no-deps", name])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)
        found = [c for c in finder.find_all_candidates(name) if str(c.version) == version]
        if not found:
            sys.exit(f"sdist.py: no source distribution of {name} {version}")
        link = found[0].link
        response = session.get(link.url_without_fragment, headers={"Accept-Encoding": "identity"})
        response.raise_for_status()
        content = response.content
    actual = hashlib.sha256(content).hexdigest()
    if digest == "-":
        print(actual)
    elif actual != digest:
        sys.exit(f"sdist.py: {link.filename}: expected sha256 {digest}, got {actual}")
    path = Path(folder, link.filename)
    path.write_bytes(content)
    print(path)


if __name__ == "__main__":
    fetch(*sys.argv[1:])
