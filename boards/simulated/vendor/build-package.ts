/** The vendor's package builder: SWUpdate layout, made on the vendor's side and unknown to the device. */

import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { signDescription, type Signer } from './sign-description.ts';

export interface PackageFile {
  name: string;
  data: Buffer;
  /** `firmware`, `parameters`, or `file` for what is kept under its name. */
  device: string;
  version?: string;
  /** Packed with zlib. */
  packed?: boolean;
}

export interface PackageRecipe {
  /** `1.10.0`; left out where undefined. */
  version: string | undefined;
  sequence: number;
  /** 2120 unless told. */
  expires?: string;
  /** `C` unless told. */
  hardware?: string;
  files: readonly PackageFile[];
  signers: readonly Signer[];
  /** Certificates between the signers and the root. */
  intermediates: readonly Buffer[];
}

export function buildPackage(recipe: PackageRecipe): Buffer {
  const files = recipe.files.map((file) => ({
    ...file,
    data: file.packed ? deflateSync(file.data) : file.data,
  }));
  const description = describe({ ...recipe, files });
  return sealPackage(description, recipe, files);
}

/** Any description, signed, in front of any files. */
export function sealPackage(
  description: string,
  { signers, intermediates }: Pick<PackageRecipe, 'signers' | 'intermediates'>,
  files: readonly Pick<PackageFile, 'name' | 'data'>[],
): Buffer {
  const text = Buffer.from(description, 'latin1');
  return archive([
    { name: 'sw-description', data: text },
    { name: 'sw-description.sig', data: signDescription(text, signers, intermediates) },
    ...files,
  ]);
}

/** @param recipe with its files as they stand in the archive */
export function describe(recipe: Omit<PackageRecipe, 'signers' | 'intermediates'>): string {
  const images = recipe.files.map(
    ({ name, data, device, version, packed }) =>
      `    {\n      filename = "${name}";\n` +
      (version === undefined ? '' : `      version = "${version}";\n`) +
      `      device = "${device}";\n` +
      (packed === true ? '      compressed = "zlib";\n' : '') +
      `      sha256 = "${createHash('sha256').update(data).digest('hex')}";\n    }`,
  );
  return (
    'software =\n{\n' +
    (recipe.version === undefined ? '' : `  version = "${recipe.version}";\n`) +
    `  hardware-compatibility: [ "${recipe.hardware ?? 'C'}" ];\n` +
    `  sequence = ${recipe.sequence};\n` +
    `  expires = "${recipe.expires ?? '2120-01-01T00:00:00Z'}";\n` +
    `  images: (\n${images.join(',\n')}\n  );\n}\n`
  );
}

/** cpio `070702` (GNU cpio 2.14, cpio(5), "New CRC Format"). */
export function archive(files: readonly Pick<PackageFile, 'name' | 'data'>[]): Buffer {
  const entries = files.map(({ name, data }, index) => entry(name, data, index + 1, 0o100644));
  return Buffer.concat([...entries, entry('TRAILER!!!', Buffer.alloc(0), 0, 0)]);
}

function entry(name: string, data: Buffer, inode: number, mode: number): Buffer {
  const sum = data.reduce((total, byte) => (total + byte) >>> 0, 0);
  const nameBytes = Buffer.from(`${name}\0`, 'latin1');
  const numbers = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, nameBytes.length, sum];
  const header = `070702${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([filled(Buffer.concat([Buffer.from(header), nameBytes])), filled(data)]);
}

/** Zeros up to a multiple of 4. */
function filled(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
