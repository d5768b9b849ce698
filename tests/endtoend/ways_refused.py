#!/usr/bin/env python3
"""winapi run refuses programs that LD_PRELOAD does not reach, and says why."""
from lib_ways import *

with open(folder + "/hello.c", "w") as source:
    source.write("int main(void) { return 0; }\n")


def refuse(what, program, status, *words):
    result = winapi_run(program)
    check(f"{what}: refused with {status}", result.status == status and result.out == "", result)
    check(f"{what}: the line names the file and says why", len(result.err.splitlines()) == 1 and
          all(word in result.err for word in (program, *words)), result)


def build(name, *flags):
    path = f"{folder}/{name}"
    done = subprocess.run([*CC, "-o", path, folder + "/hello.c", *flags], capture_output=True, text=True)
    return path if done.returncode == 0 else None


plain = build("plain")
check("an ordinary program is run", winapi_run(plain).status == 0)
for name, flag in [("static", "-static")] + [("static-pie", "-static-pie")] * (not MUSL):  # musl-gcc makes none
    program = build(name, flag)
    if program:
        refuse(name, program, 126, "statically linked", "LD_PRELOAD")
    else:
        print("skipped", name, "this compiler cannot make one")

for name, mode in ("setuid", 0o4755), ("setgid", 0o2755):
    program = shutil.copy(plain, f"{folder}/{name}")
    os.chmod(program, mode)
    refuse(name, program, 126, name, "LD_PRELOAD")

with open(f"{folder}/script", "w") as script:
    script.write(f"#!{program}\n")
os.chmod(f"{folder}/script", 0o755)
result = winapi_run(f"{folder}/script")
check("a script is judged by its interpreter", result.status == 126 and program in result.err, result)

with open(f"{folder}/text", "w") as text:
    text.write("no program\n")
refuse("a file that is no program", f"{folder}/text", 126, "Permission denied")
refuse("a program that is not there", f"{folder}/nothing", 127, "No such file")
result = winapi_run(plain, options=("--spec", f"{folder}/missing.json"))
check("a spec file that is missing", result.status == 1 and "missing.json: No such file" in result.err, result)
result = winapi_run(plain, options=("--mode", "sideways"))
check("a mode that there is not", result.status == 125 and "sideways" in result.err, result)
finish()
