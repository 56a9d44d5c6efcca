#!/bin/sh
# make_site.sh DIR TARGET PACKAGE...: the aarch64 wheels of packages, unpacked into DIR/TARGET, for the Python in DIR/root.
#
# pip takes them from where it is configured to, in the versions of constraints.txt. PIP names pip, with its arguments.
set -eu
dir=$1
target=$2
shift 2
root=$(dirname "$0")/../..
version=$(basename "$(echo "$dir"/root/usr/bin/python3.[0-9]*)" | tr -d a-z.)

rm -rf "$dir/wheels" "$dir/$target" "$dir/$target.part"
# shellcheck disable=SC2086
${PIP:-python3 -m pip --quiet --disable-pip-version-check} download --only-binary=:all: --implementation cp \
    --python-version "$version" --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
    --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
    --constraint "$root/constraints.txt" --dest "$dir/wheels" "$@"
for wheel in "$dir"/wheels/*.whl; do
    python3 -m zipfile -e "$wheel" "$dir/$target.part"
done
rm -rf "$dir/wheels"
mkdir -p "$(dirname "$dir/$target")"
mv "$dir/$target.part" "$dir/$target"
