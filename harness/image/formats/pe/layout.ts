/**
 * Portable executables with Authenticode signatures, as data; everything little-endian.
 *
 * Source: Microsoft, PE Format (2024), "COFF File Header", "Optional Header", "Section Table", "The Attribute Certificate
 * Table"; Microsoft, Windows Authenticode Portable Executable Signature Format 1.0 (2008).
 */

export interface PeField {
  name: string;
  at: number;
  bytes: number;
}

export const dosHeaderBytes = 64;
/** Of the offset of the PE signature. */
export const newHeaderAt = 60;
export const coffBytes = 20;
export const sectionHeaderBytes = 40;
/** The Windows loader takes no more. */
export const mostSections = 96;
export const certificateHeaderBytes = 8;

export const coffFields = [
  { name: 'machine', at: 0, bytes: 2 },
  { name: 'sections', at: 2, bytes: 2 },
  { name: 'timestamp', at: 4, bytes: 4 },
  { name: 'symbols_at', at: 8, bytes: 4 },
  { name: 'symbols', at: 12, bytes: 4 },
  { name: 'optional_size', at: 16, bytes: 2 },
  { name: 'characteristics', at: 18, bytes: 2 },
] as const;
export type CoffField = (typeof coffFields)[number]['name'];

/** Fields that PE32 and PE32+ have at the same place; what lies between them is tiled without a name of its own. */
export const optionalFields = [
  { name: 'magic', at: 0, bytes: 2 },
  { name: 'entry_point', at: 16, bytes: 4 },
  { name: 'section_alignment', at: 32, bytes: 4 },
  { name: 'file_alignment', at: 36, bytes: 4 },
  { name: 'image_version', at: 44, bytes: 4 },
  { name: 'image_size', at: 56, bytes: 4 },
  { name: 'headers_size', at: 60, bytes: 4 },
  { name: 'checksum', at: 64, bytes: 4 },
  { name: 'subsystem', at: 68, bytes: 2 },
  { name: 'dll_characteristics', at: 70, bytes: 2 },
] as const;
export type OptionalField = (typeof optionalFields)[number]['name'];

/** By the magic of the optional header: where the data directories begin. */
export const directoriesAt: ReadonlyMap<number, number> = new Map([
  [0x10b, 96],
  [0x20b, 112],
]);
export const securityDirectory = 4;
export const mostDirectories = 16;

export const certificateRevision = 0x0200;
export const certificateType = 2;

export const machineNames: ReadonlyMap<number, string> = new Map([
  [0x014c, 'x86'],
  [0x8664, 'x86-64'],
  [0x01c2, 'ARM Thumb'],
  [0x01c4, 'ARM Thumb-2'],
  [0xaa64, 'ARM64'],
  [0x5032, 'RISC-V 32'],
  [0x5064, 'RISC-V 64'],
  [0x6264, 'LoongArch 64'],
]);

export const subsystemNames: ReadonlyMap<number, string> = new Map([
  [1, 'native'],
  [2, 'Windows'],
  [3, 'Windows console'],
  [10, 'EFI application'],
  [11, 'EFI boot service driver'],
  [12, 'EFI runtime driver'],
  [13, 'EFI ROM'],
  [16, 'Windows boot application'],
]);

export const peOids = {
  indirectData: '1.3.6.1.4.1.311.2.1.4',
  peImageData: '1.3.6.1.4.1.311.2.1.15',
  nestedSignature: '1.3.6.1.4.1.311.2.4.1',
} as const;

export function align8(at: number): number {
  return Math.ceil(at / 8) * 8;
}
