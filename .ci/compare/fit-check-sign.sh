#!/bin/sh
# Builds U-Boot's fit_check_sign from the source package of Debian's u-boot-tools, which does not hold it itself.
#   fit-check-sign.sh [folder]     puts it into /usr/local/bin, or the folder
# Needs gcc make bison flex libssl-dev libgnutls28-dev uuid-dev, and a deb-src line for the release.
set -eu
to=${1:-/usr/local/bin}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get source --download-only u-boot
tar xf u-boot_*.orig.tar.xz
tar xf u-boot_*.debian.tar.xz
cd u-boot-*/
while read -r name; do
  case $name in '' | '#'*) continue ;; esac
  patch -p1 -s < "../debian/patches/$name"
done < ../debian/patches/series
make -s tools-only_defconfig
make -s -j2 tools-only NO_SDL=1
install -m 755 tools/fit_check_sign "$to/"
