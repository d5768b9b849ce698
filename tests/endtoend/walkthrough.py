"""docs/spec-files.md teaches by doing: here its files are written, its commands run, and their outputs compared."""
import lib_page
from lib_page import check

with lib_page.Folder() as folder:
    output, steps = "", 0
    for word, what, text in lib_page.read_blocks("docs/spec-files.md"):
        if what.startswith("file="):
            folder.write(what[len("file="):], text)
        elif (word, what) == ("sh", "run"):
            done = folder.run(text)
            output, steps = done.stdout, steps + 1
            check(text.strip().replace("\n", "; "), done.returncode == 0, done.stdout + done.stderr)
        elif (word, what) == ("text", "output"):
            check("  says what the page says", output == text, f"the page:\n{text}\nthe program:\n{output}")
    check("the page has a walkthrough", steps >= 3)
    with folder.host("--spec", "mylib.json") as host:
        folder.run("winapi run --spec mylib.json -- ./app", WINAPI_HOST="unix:" + host)
        calls = folder.counts(host)
        check("a host counts each of its functions", sorted(calls) == ["mylib_process", "mylib_sum", "mylib_upper"] and
              set(calls.values()) == {1}, str(calls))
lib_page.finish()
