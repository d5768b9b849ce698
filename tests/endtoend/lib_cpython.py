"""CPython's own tests (Debian's libpython3.N-testsuite), run bare and with the preload: test by test the same result."""
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor

from lib_unnoticed import *

PYTHON = "/usr/bin/python3"
FILES = "test_subprocess", "test_os", "test_signal", "test_threading", "test_fork1", "test_zlib"

need_no_sanitizer()
if subprocess.run([PYTHON, "-c", "import test.test_zlib, test.test_os"], capture_output=True).returncode:
    print("skipped: there are no tests of CPython's for", PYTHON)
    sys.exit(77)
LINKED = subprocess.run([PYTHON, "-c", "import zlib; print('libz.so.1' in open('/proc/self/maps').read())"],
                        capture_output=True, text=True).stdout == "True\n"


def normalise(text):
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    if not is_seen_by_all():
        text = re.sub(r"ERROR: ld.so: object '[^']*' from LD_PRELOAD cannot be preloaded \(.*?\): ignored.\n", "", text)
    text = re.sub(r"^Executing <.* took .* seconds\n", "", text, flags=re.MULTILINE)  # asyncio, on a busy machine
    text = re.sub(r"\d+:\d\d:\d\d (load avg: [\d.]+ )?", "", text)
    text = re.sub(r"[\d.]+ (ms|sec|min)( [\d.]+ (ms|sec))?", "TIME", text)
    return re.sub(r"test_python_(worker_)?\d+", "test_python", text)


def suite(way, left_out=None, user=None):
    """Runs the files, each in a process of its own, without the tests of these names: (outcome, {test: result})."""
    place = tempfile.mkdtemp(dir=folder, prefix="place.")
    report = place + "/report.xml"
    outcome = run_way(way, [PYTHON, "-m", "test", "-v", "-j3", "--fail-env-changed", "--tempdir", place,
                            "--junit-xml", report, *(word for name in left_out or () for word in ("-i", name)), *FILES], place=place, user=user, patience=500)
    results = {}
    with contextlib.suppress(OSError, xml.etree.ElementTree.ParseError):
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            results.setdefault(case.get("name"), []).append(",".join([case.get("result"), *kinds]))
    return outcome, results


def lines_by_file(outcome):
    """What was said, sorted, as files end in any order; the summary has the number of each kind."""
    return sorted(line for line in normalise(outcome.text(str)).splitlines()
                  if not re.match(r"== |.*\[ *\d+/\d+|running: |Ran \d+ tests? in|Using random seed", line))


def compare(what, bare, other, unstable=()):
    (bare_outcome, bare_results), (outcome, results) = bare, other
    names = (bare_results.keys() | results.keys()) - set(unstable)
    wrong = [f"{name}: {bare_results.get(name)}, with the preload {results.get(name)}"
             for name in sorted(names) if bare_results.get(name) != results.get(name)]
    check(f"{what}: {len(names)} tests give the same results", not wrong and bool(names), *wrong, outcome.out[-2000:])
    check(f"{what}: it ends the same", outcome.status == bare_outcome.status, bare_outcome.status, outcome.status,
          outcome.err)
    found = list(difflib.unified_diff(lines_by_file(bare_outcome), lines_by_file(outcome), lineterm="", n=0))
    check(f"{what}: it says the same", not found, *found[:60])


def check_counts(what, user=None):
    """From the host's own counts: that test_zlib really ran there."""
    if not LINKED:
        print("zlib is a part of this python3, not a library: nothing was remote")
        return
    rows = {row["name"]: (row["calls"], row["errors"]) for row in zlib_host(user).stat()["functions"]}
    check(f"{what}: the host has computed test_zlib's checksums", rows["adler32"][0] > 20000 and
          rows["crc32"][0] >= 30 and not rows["adler32"][1] + rows["crc32"][1], rows)


def together(*calls):
    """Each a function and its arguments, at the same time, as the tests mostly wait."""
    with ThreadPoolExecutor() as pool:
        return [future.result() for future in [pool.submit(*call) for call in calls]]
