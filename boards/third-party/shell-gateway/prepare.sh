# Sourced by the `prepare` of each update agent: the maker's keys, firmware, and the flash of a new gateway.
# shellcheck shell=bash

# A root, an authority below it that issues signers, and the signer of releases.
#   make_authority PURPOSE    of the signer: emailProtection, codeSigning
make_authority() {
  mkdir -p keys
  request() { openssl req -newkey rsa:2048 -nodes -keyout "keys/$1.key" -out "keys/$1.csr" -subj "/O=Gateway/CN=$2" 2>/dev/null; }
  issue() {
    printf '%b' "$3" >"keys/$1.ext"
    openssl x509 -req -in "keys/$1.csr" -CA "keys/$2.pem" -CAkey "keys/$2.key" -CAcreateserial -days 3650 \
      -extfile "keys/$1.ext" -out "keys/$1.pem" 2>/dev/null
  }
  openssl req -x509 -newkey rsa:2048 -nodes -keyout keys/root.key -out keys/root.pem -days 3650 \
    -subj '/O=Gateway/CN=Root' -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
  request ca 'Release authority'
  issue ca root 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n'
  request signer 'Release signer'
  issue signer ca "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=$1\n"
  cat keys/root.pem keys/ca.pem >keys/trusted.pem
  # What the bench may sign with: the maker lends its authority for the test.
  cat keys/ca.key keys/ca.pem >keys/test.pem
}

# A firmware of 8 KiB: a header with its version, and bytes that do not compress, the same each time.
#   make_firmware VERSION FILE
make_firmware() {
  {
    printf 'GATEWAY-FIRMWARE\nversion=%s\n' "$1"
    head -c 8192 /dev/zero | openssl enc -aes-128-ctr -K "$(printf '%s' "$1" | openssl md5 -r | cut -c 1-32)" -iv 00 2>/dev/null
  } | head -c 8192 >"$2"
}

# Flash as it leaves the factory: the golden firmware in both slots.
#   make_flash FIRMWARE
make_flash() {
  mkdir -p flash/boot flash/etc
  cp "$1" flash/slot-A
  cp "$1" flash/slot-B
  echo A >flash/boot/primary
  echo good >flash/boot/state-A
  echo good >flash/boot/state-B
  cp keys/trusted.pem flash/etc/trusted.pem
}
