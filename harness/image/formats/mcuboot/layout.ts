/**
 * The MCUboot image format as data. Images are little-endian, but for the variant that imgtool makes with
 * `--endian big`, where every number is big-endian.
 *
 * Source: MCUboot, docs/design.md "Image format", "Image trailer"; boot/bootutil/include/bootutil/image.h.
 */

export const mcubootMagic = 0x96f3b83d;
export const headerBytes = 32;

export type Endian = 'little' | 'big';

/** Header fields by offset and size in bytes; all unsigned. */
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

/** Bits of the header's flags. */
export const imageFlags = {
  PIC: 0x1,
  ENCRYPTED_AES128: 0x4,
  ENCRYPTED_AES256: 0x8,
  NON_BOOTABLE: 0x10,
  RAM_LOAD: 0x20,
  ROM_FIXED: 0x100,
  COMPRESSED_LZMA1: 0x200,
  COMPRESSED_LZMA2: 0x400,
  COMPRESSED_ARM_THUMB: 0x800,
} as const;
export type ImageFlag = keyof typeof imageFlags;

/** Names of the flags that are set. */
export function flagsOf(flags: number): ImageFlag[] {
  return (Object.keys(imageFlags) as ImageFlag[]).filter((name) => (flags & imageFlags[name]) !== 0);
}

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
  ECDSA224: 0x21,
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

export const encryptionTypes: ReadonlySet<number> = new Set([
  tlvTypes.ENC_RSA2048,
  tlvTypes.ENC_KW,
  tlvTypes.ENC_EC256,
  tlvTypes.ENC_X25519,
  tlvTypes.ENC_X25519_SHA512,
]);

/**
 * What belongs in the unprotected area: naming a key, the digest, the signature, the wrapped content key.
 *
 * Source: MCUboot, boot/bootutil/src/image_validate.c, `allowed_unprot_tlvs` (MCUBOOT_USE_TLV_ALLOW_LIST), over all
 * configurations.
 */
export const allowedUnprotected: ReadonlySet<number> = new Set([
  tlvTypes.KEYHASH,
  tlvTypes.PUBKEY,
  tlvTypes.SIG_PURE,
  ...digestTypes.keys(),
  ...signatureTypes,
  ...encryptionTypes,
]);

/** `SHA256`, or `VENDOR_xx` / `TYPE_xx` in hex for one without a name. */
export function tlvName(type: number): string {
  const low = type & 0xff;
  const vendor = low >= 0xa0 && low <= 0xfe;
  const hex = type.toString(16).padStart(4, '0');
  return nameByType.get(type) ?? (vendor ? `VENDOR_${hex}` : `TYPE_${hex}`);
}

/** An unsigned number in 1, 2 or 4 bytes. */
export function encodeUint(value: number, bytes: number, endian: Endian): Buffer {
  const encoded = Buffer.alloc(bytes);
  if (endian === 'big') encoded.writeUIntBE(value, 0, bytes);
  else encoded.writeUIntLE(value, 0, bytes);
  return encoded;
}

/** The way back. */
export function decodeUint(bytes: Buffer, at: number, width: number, endian: Endian): number {
  return endian === 'big' ? bytes.readUIntBE(at, width) : bytes.readUIntLE(at, width);
}

/**
 * Type field of a TLV. imgtool writes standard types as one byte and a zero in either byte order, and only vendor types
 * as a number of two bytes; no type has a low byte of zero, so that big-endian images can be told apart.
 *
 * Source: MCUboot, scripts/imgtool/image.py, class TLV.
 */
export function decodeTlvType(field: number, endian: Endian): number {
  return endian === 'big' && (field & 0xff) === 0 ? field >> 8 : field;
}

/** An entry's header: type and length. */
export function encodeTlvHeader(type: number, length: number, endian: Endian): Buffer {
  const field = type < 0x100 ? Buffer.of(type, 0) : encodeUint(type, 2, endian);
  return Buffer.concat([field, encodeUint(length, 2, endian)]);
}

/** Last 16 bytes of a slot with a trailer, for a write alignment of up to 8 bytes. */
export const trailerMagic = Buffer.from('77c295f360d2ef7f3552500f2cb67980', 'hex');
/** For larger alignments: the alignment as u16, then this. */
export const alignedTrailerMagic = Buffer.from('2de15d29410b8d77679c110f1f8a', 'hex');

/**
 * Fields in front of the magic number, the nearest first; each starts on a multiple of the alignment.
 *
 * Source: MCUboot, boot/bootutil/src/bootutil_public.c and bootutil_misc.c, `boot_image_ok_off` and its neighbours.
 */
export const trailerFields = ['image_ok', 'copy_done', 'swap_info', 'swap_size'] as const;
export type TrailerField = (typeof trailerFields)[number];
