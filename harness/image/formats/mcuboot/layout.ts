/**
 * The MCUboot image format as data; everything little-endian.
 *
 * Source: MCUboot, docs/design.md "Image format"; boot/bootutil/include/bootutil/image.h.
 */

export const mcubootMagic = 0x96f3b83d;
export const headerBytes = 32;

/** Header fields by offset and size in bytes; all little-endian unsigned. */
export const headerFields = [
  { name: 'magic', at: 0, bytes: 4 },
  { name: 'load_addr', at: 4, bytes: 4 },
  { name: 'hdr_size', at: 8, bytes: 2 },
  { name: 'protect_tlv_size', at: 10, bytes: 2 },
  { name: 'img_size', at: 12, bytes: 4 },
  { name: 'flags', at: 16, bytes: 4 },
  { name: 'version.major', at: 20, bytes: 1 },
  { name: 'version.minor', at: 21, bytes: 1 },
  { name: 'version.revision', at: 22, bytes: 2 },
  { name: 'version.build', at: 24, bytes: 4 },
  { name: 'pad', at: 28, bytes: 4 },
] as const;
export type HeaderField = (typeof headerFields)[number]['name'];

export const tlvInfoBytes = 4;
export const tlvHeaderBytes = 4;
export const tlvMagic = { protected: 0x6908, unprotected: 0x6907 } as const;

/** Names of the TLV types. */
export const tlvTypes = {
  KEYHASH: 0x01,
  PUBKEY: 0x02,
  SHA256: 0x10,
  SHA384: 0x11,
  SHA512: 0x12,
  RSA2048_PSS: 0x20,
  ECDSA: 0x22,
  RSA3072_PSS: 0x23,
  ED25519: 0x24,
  SIG_PURE: 0x25,
  ENC_RSA2048: 0x30,
  ENC_KW: 0x31,
  ENC_EC256: 0x32,
  ENC_X25519: 0x33,
  ENC_X25519_SHA512: 0x34,
  DEPENDENCY: 0x40,
  SEC_CNT: 0x50,
  BOOT_RECORD: 0x60,
  DECOMP_SIZE: 0x70,
  DECOMP_SHA: 0x71,
  DECOMP_SIGNATURE: 0x72,
  COMP_DEC_SIZE: 0x73,
  UUID_VID: 0x74,
  UUID_CID: 0x75,
} as const;
export type TlvName = keyof typeof tlvTypes;

const nameByType = new Map<number, string>(Object.entries(tlvTypes).map(([name, type]) => [type, name]));

export const digestTypes: ReadonlyMap<number, 'sha256' | 'sha384' | 'sha512'> = new Map([
  [tlvTypes.SHA256, 'sha256'],
  [tlvTypes.SHA384, 'sha384'],
  [tlvTypes.SHA512, 'sha512'],
]);

export const signatureTypes: ReadonlySet<number> = new Set([
  tlvTypes.RSA2048_PSS,
  tlvTypes.ECDSA,
  tlvTypes.RSA3072_PSS,
  tlvTypes.ED25519,
]);

/** `SHA256`, or `VENDOR_xx` / `TYPE_xx` in hex for one without a name. */
export function tlvName(type: number): string {
  const low = type & 0xff;
  const vendor = low >= 0xa0 && low <= 0xfe;
  const hex = type.toString(16).padStart(4, '0');
  return nameByType.get(type) ?? (vendor ? `VENDOR_${hex}` : `TYPE_${hex}`);
}
