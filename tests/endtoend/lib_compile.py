"""Compiling, as scripts do whose programs and libraries are part of what they test."""
import shlex

from lib_trouble import *

CC = shlex.split(os.environ.get("CC", "cc"))
if not shutil.which(CC[0]):
    print("skipped: there is no C compiler")
    sys.exit(77)

# A library that the host loads too, whose libc is another: it takes the functions of whichever is there.
SHARED = ["-shared", "-fPIC", *(["-nodefaultlibs"] if MUSL else [])]

FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O1"]
if SANITIZER:
    FLAGS.append({"address": "-fsanitize=address,undefined", "thread": "-fsanitize=thread"}[SANITIZER])


def compile(output, *arguments):
    """Compiles into the folder; the path."""
    path = f"{folder}/{output}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    subprocess.run([*CC, *FLAGS, "-o", path, *arguments], check=True)
    return path
