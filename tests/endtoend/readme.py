"""README.md does what it says: every command of it is run as it stands, against the build tree."""
import os
import re

import lib_page
from lib_page import check

START, OWN, MODES = range(3)


def lines_of(block):
    return [line for line in block.splitlines() if line and not line.startswith("./build.sh")]


def worker_of(log):
    """(program, the process that answered it) of the last program that wrote this log; (None, None): none answered."""
    if not os.path.exists(log):
        return None, None
    with open(log, encoding="utf-8") as file:
        answers = re.findall(r"\[(\d+)\]: debug: .* answers: .*, pid (\d+),", file.read())
    os.unlink(log)
    return answers[-1] if answers else (None, None)


def check_start(folder, block):
    lines = lines_of(block)
    check("the start has a literal line with the bare name of the library",
          "LD_PRELOAD=libwinapi_preload.so ./build/bin/test_client" in lines, block)
    for line in lines:
        log = folder.path + "/log"
        done = folder.run(line, WINAPI_LOG_FILE=log, WINAPI_DEBUG="1")
        check(line, done.returncode == 0, done.stdout + done.stderr)
        if "LD_PRELOAD" in line or "winapi run" in line:
            guest, worker = worker_of(log)
            check("  ran in another process", guest is not None and guest != worker)


def check_own(folder, block):
    done = folder.run(block)
    check("a function of one's own runs after its row was written", done.returncode == 0, done.stderr)
    said = re.findall(r"process (\d+): where\(\) ran in process (\d+)\n", done.stdout)
    check("the app says twice where its function ran", len(said) == 2, done.stdout + done.stderr)
    (bare, where), (app, elsewhere) = said if len(said) == 2 else ((0, 1), (0, 0))
    check("without the library it runs in the program", bare == where, said)
    check("with it, in another process", app != elsewhere, said)
    # The bare name, installed: there the loader looks for it, as it does in LD_LIBRARY_PATH here.
    done = folder.run("LD_PRELOAD=libwinapi_preload.so ./app", LD_LIBRARY_PATH=lib_page.BUILD + "/lib")
    said = re.fullmatch(r"process (\d+): where\(\) ran in process (\d+)\n", done.stdout)
    check("so it does when the library is found by its name", said and said[1] != said[2], done.stdout + done.stderr)


def check_row(folder, block):
    folder.write("row.json", '{"table": "row", "version": 1, "library": "libc.so.6", "functions": [' + block + ']}')
    done = folder.run("winapi check row.json")
    check("the row whose callers do not wait is one", done.returncode == 0, done.stdout + done.stderr)


def check_modes(folder, block):
    for line in lines_of(block):
        done = folder.run(line)
        check(line, done.returncode == 0, done.stdout + done.stderr)
        if "=compare" in line and "WINAPI_MODE" in line:
            check("  and compare finds no difference", re.search(r"\b0 differences", done.stderr) is not None,
                  done.stderr)
        if "WINAPI_TRACE" in line:
            check("  and every call is a line", "winapi_echo(" in done.stderr, done.stderr)


def check_counts(folder, block):
    """The commands above started hosts of their own; one that runs has to count the very calls."""
    line = next(line for line in lines_of(block) if "zlib" in line)
    with folder.host("--spec", "zlib") as host:
        folder.run(line, WINAPI_HOST="unix:" + host)
        check("a host counts the call of the start's last program", folder.counts(host).get("crc32") == 1)


with lib_page.Folder() as folder:
    blocks = lib_page.read_blocks("README.md")
    scripts = [text for word, _, text in blocks if word == "sh"]
    check_start(folder, scripts[START])
    check_own(folder, scripts[OWN])
    check_row(folder, next(text for word, _, text in blocks if word == "json"))
    folder.run("rm -r ~/.config")
    check_modes(folder, scripts[MODES])
    check_counts(folder, scripts[START])
lib_page.finish()
