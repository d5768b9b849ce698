"""What the tests of calls that nobody waits for share: the program and the library of tests/fixtures/posts."""
from lib_compile import *

FIXTURES = SOURCE + "/tests/fixtures/posts"
LIBRARY = compile("posts/libposts.so", *SHARED, FIXTURES + "/libposts.c")
PLACE = os.path.dirname(LIBRARY)
POSTS = compile("posts/posts", "-I" + SOURCE, FIXTURES + "/posts.c", LIBRARY, "-Wl,-rpath," + PLACE, "-pthread")
POSTS_SPEC = shutil.copy(FIXTURES + "/posts.json", PLACE)
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
BEFORE = 77  # errno before each command


class Posts(Program):
    """The program, with a journal that the library writes and a pipe that posts_hold() waits for."""

    def __init__(self, host, command=POSTS, **variables):
        self.journal_path = tempfile.mktemp(dir=folder, suffix=".journal")
        self.pipe_path = tempfile.mktemp(dir=folder, suffix=".pipe")
        os.mkfifo(self.pipe_path)
        super().__init__(host, spec=POSTS_SPEC, command=(command, self.journal_path, self.pipe_path), **variables)

    def journal(self):
        with contextlib.suppress(FileNotFoundError), open(self.journal_path) as file:
            return [tuple(int(word) for word in line.split()) for line in file]
        return []

    def let_go(self):
        """What is held goes on; whether anybody was there."""
        def opened():
            with contextlib.suppress(OSError):
                self.pipe = os.open(self.pipe_path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                return True
        if not wait_until(opened):
            return False
        os.write(self.pipe, b"x")
        os.close(self.pipe)
        return True

    def hold(self):
        """A call that is under way at the host until let_go(); the answer of the program, which is back before."""
        answer = self.call("hold")
        self.is_held = wait_until(self.is_read)
        return answer

    def is_read(self):
        """Whether the host is in posts_hold(): only with a reader can the pipe be opened so."""
        with contextlib.suppress(OSError):
            os.close(os.open(self.pipe_path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
            return True
        return False


def posts_host(*options):
    return Host(*options, spec=POSTS_SPEC)
