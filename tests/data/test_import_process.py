"""An import that is killed and repeated."""

from __future__ import annotations

import signal
import subprocess

from data.small_store import child, names
from dlh.data.store.folder import import_folder
from dlh.data.store.store import Store
from dlh.data.store.verify import verify_store

IMPORT = """
from dlh.data.store.folder import import_folder

def tell(progress):
    if progress.files_done == int(sys.argv[3]) and progress.frames:
        print("go", flush=True)
        sys.stdin.readline()

try:
    report = import_folder(
        sys.argv[1], sys.argv[2], height=16, width=16, channels=3, progress=tell
    )
    print(len(report.videos))
except DataError as error:
    print(error)
    sys.exit(1)
"""


def start(folder, out, wait_in_file):
    return child(IMPORT, folder, out, wait_in_file, stdin=subprocess.PIPE)


def test_an_import_that_is_killed_and_repeated_gives_the_store_of_an_unbroken_one(tmp_path, folder):
    fresh = import_folder(folder, tmp_path / "fresh", height=16, width=16, channels=3)
    for killed_in in (1, 3):
        process = start(folder, tmp_path / "store", killed_in)
        assert process.stdout.readline() == "go\n", process.stderr.read()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (tmp_path / "store").exists()
        journal = tmp_path / ".store.unfinished" / "journal.jsonl"
        assert journal.read_text().count("\n") == killed_in
    again = start(folder, tmp_path / "store", 99)
    assert again.communicate()[0] == "5\n"
    store = Store.open(tmp_path / "store")
    assert store.videos == fresh.videos and not verify_store(store.path).damage
    assert names(tmp_path) == ["fresh", "my videos", "store"]
