#!/bin/sh
# Fetches the source of a Debian or Ubuntu package into a directory: for libraries that the distribution ships
# without a static archive.
#
#     debian-source.sh NAME DIRECTORY [RELEASE]
#
# With RELEASE what the package's authors released, as that release of Debian has it, which this system need not be.
# Does nothing when the directory is there already.  Needs no root and changes nothing outside DIRECTORY: apt runs
# with lists and a cache of its own, the machine's mirrors and keyrings, and its signature checks on.
set -eu

fail()
{
    echo "debian-source.sh: $*" >&2
    exit 1
}

[ $# -eq 2 ] || [ $# -eq 3 ] || fail "usage: debian-source.sh NAME DIRECTORY [RELEASE]"
name=$1
directory=$2
release=${3:-}

if [ -d "$directory" ]; then
    exit 0
fi
for program in apt-get dpkg-source; do
    command -v "$program" >/dev/null || fail "$program is missing: install dpkg-dev, or unpack $name's source as $directory"
done

# shellcheck source=/dev/null
. /etc/os-release
codename=${VERSION_CODENAME:?/etc/os-release names no release}

# apt leaves its own root rights while it downloads, so this cannot lie in a directory that only root may enter.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"

keyring_option()
{
    for file in "/usr/share/keyrings/$ID-archive-keyring.gpg" "/usr/share/keyrings/$ID-archive-keyring.pgp"; do
        if [ -e "$file" ]; then
            echo "[signed-by=$file]"
            return
        fi
    done
}

# One deb-src line for each of the machine's own archives of this release; third parties have no such suite or path.
own_archives()
{
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v code="$codename" -v option="$(keyring_option)" '
            $2 != code && $2 != code "-updates" && $2 != code "-security" { next }
            $3 != "main" && $3 != "universe" { next }
            $1 !~ /\/(debian|debian-security|ubuntu|ubuntu-ports)(\/[0-9TZ]+)?\/?$/ { next }
            { print "deb-src", option, $1, $2, $3 }' | sort -u
}

# For a machine whose own sources name no archive that we know.
default_archives()
{
    case $ID in
    debian) echo "deb-src $(keyring_option) http://deb.debian.org/debian $codename main" ;;
    ubuntu) echo "deb-src $(keyring_option) http://archive.ubuntu.com/ubuntu $codename main universe" ;;
    *) fail "$ID is neither Debian nor Ubuntu: unpack $name's source as $directory" ;;
    esac
}

# Of another release than the machine's; Ubuntu has Debian's keys in debian-archive-keyring.
release_archives()
{
    ID=debian
    [ -n "$(keyring_option)" ] || fail "Debian's keys are missing: install debian-archive-keyring, or unpack $name's source as $directory"
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E -m 1 '/debian/?$' || true)
    echo "deb-src $(keyring_option) ${uri:-http://deb.debian.org/debian} $release main"
}

# The machine's hooks around an update are about its own lists.
write_configuration()
{
    cat <<END
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
APT::Get::Download-Only "true";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
}

private_apt()
{
    apt-get -qq -c "$work/apt.conf" "$@"
}

mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/download"
if [ "$(id -u)" -eq 0 ] && id _apt >/dev/null 2>&1; then
    chown _apt "$work/download"
fi
if [ -n "$release" ]; then
    release_archives >"$work/sources.list"
else
    own_archives >"$work/sources.list"
fi
if [ ! -s "$work/sources.list" ]; then
    default_archives >"$work/sources.list"
fi
write_configuration >"$work/apt.conf"

echo "fetching the source of $name from:" >&2
sed 's/^/    /' "$work/sources.list" >&2
private_apt update >&2 || fail "apt-get update failed: is the network up? Or unpack $name's source as $directory"
(cd "$work/download" && private_apt source ${release:+--tar-only} "$name" >&2) ||
    fail "$name could not be downloaded: is the network up? Or unpack its source as $directory"

# Unpacked under another name first, so that a directory with the right name is always whole.  apt has checked every
# file against the archive's signature; dpkg-source would look for the uploader's key, which users do not have.
mkdir -p "$(dirname "$directory")"
rm -rf "$directory.partial"
unpack()
{
    if [ -n "$release" ]; then
        mkdir "$directory.partial" && tar -xf "$work"/download/*.orig.tar.* -C "$directory.partial" --strip-components=1
    else
        dpkg-source --no-check --no-copy -x "$work"/download/*.dsc "$directory.partial"
    fi
}
if ! unpack >"$work/log" 2>&1; then
    cat "$work/log" >&2
    fail "$name could not be unpacked"
fi
mv "$directory.partial" "$directory"
