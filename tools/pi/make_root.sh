#!/bin/sh
# make_root.sh DIR [PACKAGE...]: Debian's own Python for arm64, unpacked into DIR/root, without root and without chroot.
#
# apt only downloads, with a state of its own in DIR/apt, from the archives that this machine's Debian is configured
# for; dpkg-deb unpacks. ARCHIVES=FILE names another .sources file, for instance of a later release.
set -eu
dir=$1
shift
archives=${ARCHIVES:-}
if [ -z "$archives" ]; then
    for archives in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
        [ -s "$archives" ] && break
    done
fi
[ -s "$archives" ] || {
    echo "make_root: no Debian archives are configured here; ARCHIVES=FILE names a .sources file" >&2
    exit 1
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
state=$dir/apt
mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
: >"$state/status"
fetch() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Install-Recommends=false \
        -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::State::lists="$state/lists" \
        -o Dir::Cache="$state/cache" -o Dir::Etc::sourcelist="$archives" -o Dir::Etc::sourceparts=- \
        -o Acquire::Retries=3 -o Debug::NoLocking=true -o APT::Sandbox::User="$(id -un)" "$@"
}
fetch update
fetch -y --download-only install python3-minimal libpython3-stdlib libstdc++6 libgomp1 zlib1g "$@"

# The tree is complete under its own name, or not there.
rm -rf "$dir/root" "$dir/root.part"
mkdir -p "$dir/root.part/usr/bin" "$dir/root.part/usr/sbin" "$dir/root.part/usr/lib"
for link in bin sbin lib; do
    ln -s "usr/$link" "$dir/root.part/$link"
done
for package in "$state"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$dir/root.part" --keep-directory-symlink \
        --exclude ./usr/share/doc --exclude ./usr/share/man --exclude ./usr/share/locale
done
mv "$dir/root.part" "$dir/root"
rm -rf "$state"
