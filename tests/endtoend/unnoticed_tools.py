#!/usr/bin/env python3
"""git, tar with gzip, make -j, find with xargs -P, perl, awk, sqlite3, a compiler: the same output, files and exit
status each way.
"""
from lib_unnoticed import *

need_no_sanitizer()
need("git", "tar", "gzip", "make", "gcc", "perl", "find", "xargs", "awk")

GIT = r"""
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='2020-02-02 12:00 +0000' GIT_COMMITTER_DATE='2020-02-02 12:00 +0000' GIT_PAGER=cat
git config --global init.defaultBranch main
git config --global pack.threads 2
git init here && cd here
for n in $(seq 1 12); do
    seq $n 2000 >"file$n"; git add . && git commit -qm "commit $n"
done
printf '#!/bin/sh\necho hook "$@"; exit 0\n' >.git/hooks/post-checkout; chmod +x .git/hooks/post-checkout
git log --stat --format='%H %s' | tail -n 40
git checkout -q -b side HEAD~5 && echo side >side && git add side && git commit -qm side && git rebase main
git merge --no-ff -m merge main; git checkout main; git merge -q --no-ff -m merged side
git tag -a v1 -m one; git stash list; git describe; git diff HEAD~3 --shortstat
git fsck --full --strict; git gc --quiet --aggressive; git count-objects -v | grep -v size
git verify-pack -v .git/objects/pack/*.idx | sort | head -n 30
git archive --format=tar.gz HEAD | gzip -dc | tar -tf - | sort
cd .. && git clone -q --no-local here there && cd there && git log -1 --format=%H && git fsck
git bisect start -q HEAD HEAD~8 >/dev/null 2>&1; git bisect run sh -c 'test -f file9; exit 0' 2>&1 | tail -n 3
git bundle create -q ../all.bundle --all && git bundle verify -q ../all.bundle; git bogus; echo "status $?"
GIT_TRACE=1 git status --short 2>&1 | sed 's/^[0-9:.]* //'
echo hello | git hash-object --stdin; git cat-file -p HEAD^{tree}
"""

TAR = r"""
mkdir tree; for n in $(seq 1 40); do seq $n 500 >tree/f$n; done; ln -s f1 tree/link; mkfifo tree/fifo
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -czf a.tgz tree; tar -tzvf a.tgz
cksum <a.tgz; mkdir out; tar -xzf a.tgz -C out; diff -r --no-dereference tree/f1 out/tree/f1; gzip -tv a.tgz 2>&1
tar -xzf missing.tgz; echo "status $?"; head -c 300 a.tgz | tar -tzf - >/dev/null; echo "status $?"
"""

MAKE = r"""
unset CC
cat >Makefile <<'END'
ALL = $(foreach n,$(shell seq 1 40),obj/$(n).o)
prog: $(ALL) main.o
	@$(CC) -o $@ $^ -lz && echo linked
obj/%.o: obj/%.c
	@$(CC) -O1 -c -o $@ $<
obj/%.c:
	@mkdir -p obj; echo "int f$*(int a) { return a + $*; }" >$@
.SECONDARY:
bad: ; @exit 3
sub: ; +@$(MAKE) --no-print-directory -j2 prog && ./prog
END
cat >main.c <<'END'
#include <stdio.h>
#include <zlib.h>
int f1(int), f40(int);
int main(void) { printf("%d %lx\n", f1(f40(0)), crc32(0, (const void *)"hello", 5)); return 6; }
END
make -j4 -s prog; ./prog; echo "status $?"; make -j2 -s bad; echo "status $?"; rm -rf obj prog; make -s -j3 sub; echo "status $?"
make -n prog | tail -n 2; make -q prog; echo "status $?"
"""

SMALL = r"""
mkdir many; for n in $(seq 1 120); do echo $n >many/$n; done
find many -type f -print0 | xargs -0 -P 4 -n 5 cat | sort -n | cksum
find many -name '*7' -exec sh -c 'exit 1' \; -o -name '1*' -print | sort | head -n 5
find many -type f | xargs -P 3 -I{} sh -c 'test {} != many/9 || exit 255' 2>&1 | sed 's/xargs: sh:/sh:/'; echo "status $?"
perl -e '
    use strict; my %kids; $| = 1;
    for my $n (1 .. 25) { my $pid = fork; if (!$pid) { exit $n } $kids{$pid} = $n }
    while ((my $pid = wait) > 0) { print "wrong\n" if $? >> 8 != $kids{$pid}; delete $kids{$pid} }
    print "left: ", scalar(keys %kids), " $!\n"; local $SIG{ALRM} = sub { die "alarm\n" }; alarm 1; eval { sleep 5 }; print $@;
    my @out = map { my $x = `echo $_`; chomp $x; $x } 1 .. 20; print "@out $?\n"; system("exit 9"); print $? >> 8, "\n";
    open my $in, "-|", "seq 1 5"; print <$in>; close $in; open my $to, "|-", "cat"; print $to "piped\n"; close $to;
    kill TERM => $$ if 0; print join(" ", map { "$_=$ENV{$_}" } grep { !/^(LD_PRELOAD|WINAPI_|_$|XDG|HOME|TMPDIR)/ } sort keys %ENV), "\n"
'
awk 'BEGIN { while (("seq 1 20" | getline n) > 0) s += n; print s; print system("exit 4"); print "b\na" | "sort"; close("sort") }'
if command -v sqlite3 >/dev/null; then
    sqlite3 data.db 'create table t(a); with recursive c(x) as (select 1 union all select x+1 from c where x<5000)
        insert into t select x from c; select sum(a), count(*) from t; pragma integrity_check;'
    sqlite3 data.db .dump | cksum; sqlite3 data.db 'select nothing' 2>&1; echo "status $?"
fi
if test -x /usr/bin/time; then /usr/bin/time -f 'status %x' sh -c 'exit 5'; fi
timeout 1 sleep 5; echo "status $?"; nice -n 5 nice; nohup sh -c 'echo nohup' 2>/dev/null; setsid -w sh -c 'exit 8'; echo $?
echo 'int main(void) { return 12; }' | gcc -x c -pipe -o twelve - && ./twelve; echo "status $?"
echo 'broken' | gcc -x c -c -o /dev/null - 2>&1; echo "status $?"
"""


def normalise(text):
    return re.sub(r"(execute|run_processes_parallel|trace).*\bin \d.*", r"\1", re.sub(r"/tmp/cc\w+", "/tmp/cc", text))


PLAN = (  # what, script, the ways, calls of crc32 each remote one makes at least
    ("git", GIT, ("alone", "remote", "restarted", "native"), 100),
    ("tar", TAR, ("remote", "kept"), 0),
    ("make -j", MAKE, ("alone", "remote", "own_host"), 2),
    ("small programs", SMALL, ("alone", "remote", "kept"), 0),
)

for what, script, ways, calls in PLAN:
    before = counted()
    outcomes = same(what, ["bash", "-c", script], ways, normalise)
    bare = outcomes["bare"]
    check(f"{what}, bare: it does its work", len(bare.out) > 100 and "command not found" not in bare.err, bare.out, bare.err)
    check(f"{what}: the host has counted the calls", counted() - before >= calls, counted() - before)
finish()
