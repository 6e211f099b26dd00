/**
 * The application image of ESP chips and its secure boot v2 signature sector, as data; everything little-endian.
 *
 * Source: ESP-IDF, components/bootloader_support/include/esp_app_format.h; components/esp_app_format/include/esp_app_desc.h;
 * docs/en/security/secure-boot-v2.rst "Signature Block Format"; esptool, espsecure, generate_rsa_signature_block and
 * generate_ecdsa_signature_block.
 */

export const imageMagic = 0xe9;
export const headerBytes = 24;
export const segmentHeaderBytes = 8;
export const mostSegments = 16;
/** A segment is shorter than this (esp_image_format.c, verify_segment_header). */
export const segmentLimitBytes = 0x100_0000;
export const checksumSeed = 0xef;
export const sectorBytes = 4096;

/** Fields of the image header by offset and size in bytes. */
export const headerFields = [
  { name: 'magic', at: 0, bytes: 1 },
  { name: 'segment_count', at: 1, bytes: 1 },
  { name: 'spi_mode', at: 2, bytes: 1 },
  { name: 'spi_speed_size', at: 3, bytes: 1 },
  { name: 'entry_addr', at: 4, bytes: 4 },
  { name: 'wp_pin', at: 8, bytes: 1 },
  { name: 'spi_pin_drv', at: 9, bytes: 3 },
  { name: 'chip_id', at: 12, bytes: 2 },
  { name: 'min_chip_rev', at: 14, bytes: 1 },
  { name: 'min_chip_rev_full', at: 15, bytes: 2 },
  { name: 'max_chip_rev_full', at: 17, bytes: 2 },
  { name: 'reserved', at: 19, bytes: 4 },
  { name: 'hash_appended', at: 23, bytes: 1 },
] as const;
export type HeaderField = (typeof headerFields)[number]['name'];

/** Chips by the id in the header. */
export const chipNames: ReadonlyMap<number, string> = new Map([
  [0x0000, 'ESP32'],
  [0x0002, 'ESP32-S2'],
  [0x0005, 'ESP32-C3'],
  [0x0009, 'ESP32-S3'],
  [0x000c, 'ESP32-C2'],
  [0x000d, 'ESP32-C6'],
  [0x0010, 'ESP32-H2'],
  [0x0012, 'ESP32-P4'],
  [0x0014, 'ESP32-C61'],
  [0x0017, 'ESP32-C5'],
  [0x0019, 'ESP32-H21'],
  [0x001c, 'ESP32-H4'],
]);

export const appMagic = 0xabcd5432;

/** Fields of the application descriptor, at the beginning of the first segment's data. */
export const appFields = [
  { name: 'magic', bytes: 4 },
  { name: 'secure_version', bytes: 4 },
  { name: 'reserved', bytes: 8 },
  { name: 'version', bytes: 32 },
  { name: 'project_name', bytes: 32 },
  { name: 'time', bytes: 16 },
  { name: 'date', bytes: 16 },
  { name: 'idf_version', bytes: 32 },
  { name: 'elf_sha256', bytes: 32 },
  { name: 'reserved2', bytes: 80 },
] as const;
export type AppField = (typeof appFields)[number]['name'];
export const appBytes = appFields.reduce((sum, { bytes }) => sum + bytes, 0);

export const blockMagic = 0xe7;
export const blockBytes = 1216;
/** What the CRC of a block covers, and where it lies. */
export const crcAt = 1196;
/** A block without its padding: what must be there for it to be used. */
export const blockUsedBytes = 1200;
export const mostBlocks = 3;
export const blockVersions = { rsa: 2, ecdsa: 3 } as const;

export type CurveName = 'P-192' | 'P-256' | 'P-384';
export const curveIds: Readonly<Record<CurveName, number>> = { 'P-192': 1, 'P-256': 2, 'P-384': 3 };

/** One field of a signature block, by offset in the block. */
export interface BlockField {
  name: string;
  at: number;
  bytes: number;
}

const head: readonly BlockField[] = [
  { name: 'magic', at: 0, bytes: 1 },
  { name: 'version', at: 1, bytes: 1 },
];
const tail: readonly BlockField[] = [
  { name: 'crc', at: crcAt, bytes: 4 },
  { name: 'padding', at: blockUsedBytes, bytes: 16 },
];

/** How a block is laid out, and what of it the public key digest covers. */
export interface BlockLayout {
  name: 'rsa' | 'ecdsa' | 'ecdsa-384';
  hash: 'sha256' | 'sha384';
  fields: readonly BlockField[];
  /** The public key as the eFuses know it, by its SHA-256. */
  key: { at: number; end: number };
  signature: { at: number; end: number };
}

export const rsaLayout: BlockLayout = {
  name: 'rsa',
  hash: 'sha256',
  fields: [
    ...head,
    { name: 'reserved', at: 2, bytes: 2 },
    { name: 'digest', at: 4, bytes: 32 },
    { name: 'n', at: 36, bytes: 384 },
    { name: 'e', at: 420, bytes: 4 },
    { name: 'R', at: 424, bytes: 384 },
    { name: 'M_prime', at: 808, bytes: 4 },
    { name: 'signature', at: 812, bytes: 384 },
    ...tail,
  ],
  key: { at: 36, end: 812 },
  signature: { at: 812, end: 1196 },
};

export const ecdsaLayout: BlockLayout = {
  name: 'ecdsa',
  hash: 'sha256',
  fields: [
    ...head,
    { name: 'hash', at: 2, bytes: 1 },
    { name: 'reserved', at: 3, bytes: 1 },
    { name: 'digest', at: 4, bytes: 32 },
    { name: 'curve', at: 36, bytes: 1 },
    { name: 'point', at: 37, bytes: 64 },
    { name: 'signature', at: 101, bytes: 64 },
    { name: 'unused', at: 165, bytes: 1031 },
    ...tail,
  ],
  key: { at: 36, end: 101 },
  signature: { at: 101, end: 165 },
};

export const ecdsa384Layout: BlockLayout = {
  name: 'ecdsa-384',
  hash: 'sha384',
  fields: [
    ...head,
    { name: 'hash', at: 2, bytes: 1 },
    { name: 'reserved', at: 3, bytes: 1 },
    { name: 'digest', at: 4, bytes: 48 },
    { name: 'curve', at: 52, bytes: 1 },
    { name: 'point', at: 53, bytes: 96 },
    { name: 'signature', at: 149, bytes: 96 },
    { name: 'unused', at: 245, bytes: 951 },
    ...tail,
  ],
  key: { at: 52, end: 149 },
  signature: { at: 149, end: 245 },
};

/** The layout that version and hash byte of a block name; undefined for an unknown version. */
export function layoutOf(version: number, hash: number): BlockLayout | undefined {
  if (version === blockVersions.rsa) return rsaLayout;
  if (version !== blockVersions.ecdsa) return undefined;
  return hash === 1 ? ecdsa384Layout : ecdsaLayout;
}

/** Up to the next boundary of a flash sector. */
export function sectorEnd(at: number): number {
  return Math.ceil(at / sectorBytes) * sectorBytes;
}
