#!/usr/bin/env bash
# Builds U-Boot's fit_check_sign from the source of Debian's u-boot-tools, which does not hold it itself.
#   fit-check-sign.sh [folder]     puts it into /usr/local/bin, or the folder
# Needs gcc make bison flex libssl-dev libgnutls28-dev uuid-dev. The machine's apt configuration is left as it is.
set -euo pipefail
to=${1:-/usr/local/bin}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/parts" "$work/lists/partial"
{ cat /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null || true; } |
  sed -e 's/^Types:.*/Types: deb-src/' -e 's/^deb /deb-src /' >"$work/sources"
if grep -q '^Types:' "$work/sources"; then
  mv "$work/sources" "$work/parts/source.sources"
else
  mv "$work/sources" "$work/parts/source.list"
fi
apt=(apt-get -qq -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/parts" -o "Dir::State::Lists=$work/lists"
  -o APT::Sandbox::User=root)
cd "$work"
"${apt[@]}" update
"${apt[@]}" source --download-only u-boot
tar xf u-boot_*.orig.tar.*
tar xf u-boot_*.debian.tar.*
cd u-boot-*/
grep -v -e '^#' -e '^$' ../debian/patches/series | while read -r name; do
  patch -p1 -s <"../debian/patches/$name"
done
make -s tools-only_defconfig
make -s -j2 tools-only NO_SDL=1
install -m 755 tools/fit_check_sign "$to/"
