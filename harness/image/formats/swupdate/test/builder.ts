/** Makes SWUpdate images for tests, written from the formats' descriptions alone: shares no code with the parser. */

import { constants, createHash, sign, type KeyObject } from 'node:crypto';
import { makeCms, type TestCmsSigner } from '../../../test/test-cms.ts';

export interface BuildOptions {
  version?: string;
  hardware?: readonly string[];
  images?: readonly (readonly [name: string, bytes: Uint8Array])[];
  json?: boolean;
  signature:
    | { cms: TestCmsSigner | readonly TestCmsSigner[]; certificates: readonly Uint8Array[] }
    | { rsa: KeyObject; pss?: boolean }
    | 'none';
  /** As GNU cpio does it: filled up to a multiple of 512, numbers in upper case. */
  gnu?: boolean;
  /** Without byte sums. */
  plain?: boolean;
}

export const defaultImages: readonly (readonly [string, Uint8Array])[] = [
  ['rootfs.img', Buffer.from('the root file system of the test image, as it was released')],
  ['kernel.img', Buffer.from('the kernel of the test image')],
];

export function buildSwupdate(options: BuildOptions): Buffer {
  const images = options.images ?? defaultImages;
  const description = Buffer.from(
    options.json === true ? jsonOf(options, images) : libconfigOf(options, images),
  );
  const files: (readonly [string, Uint8Array])[] = [['sw-description', description]];
  if (options.signature !== 'none')
    files.push(['sw-description.sig', signatureOf(options.signature, description)]);
  const magic = options.plain === true ? '070701' : '070702';
  const entries = [...files, ...images].map(([name, bytes], index) =>
    entry(magic, name, bytes, index + 1, options.gnu),
  );
  const archive = Buffer.concat([...entries, entry(magic, 'TRAILER!!!', Buffer.alloc(0), 0, options.gnu)]);
  const missing = options.gnu === true ? (512 - (archive.length % 512)) % 512 : 0;
  return Buffer.concat([archive, Buffer.alloc(missing)]);
}

function libconfigOf(
  { version = '1.2.0', hardware = ['1.0', '1.2'] }: BuildOptions,
  images: typeof defaultImages,
): string {
  const list = images.map(
    ([name, bytes]) =>
      `    {\n      filename = "${name}";\n      version = "${version}";\n      device = "/dev/${name}";\n      type = "raw";\n      sha256 = "${sha256(bytes)}";\n    }`,
  );
  return `/* made for a test */\nsoftware =\n{\n  version = "${version}";\n  hardware-compatibility: [ ${hardware.map((name) => `"${name}"`).join(', ')} ];\n  images: (\n${list.join(',\n')}\n  );\n}\n`;
}

function jsonOf(
  { version = '1.2.0', hardware = ['1.0', '1.2'] }: BuildOptions,
  images: typeof defaultImages,
): string {
  const list = images.map(([filename, bytes]) => ({ filename, type: 'raw', sha256: sha256(bytes) }));
  return JSON.stringify({ software: { version, 'hardware-compatibility': hardware, images: list } }, null, 1);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function signatureOf(signature: Exclude<BuildOptions['signature'], 'none'>, description: Buffer): Buffer {
  if ('cms' in signature) {
    const signers = [signature.cms].flat();
    return makeCms({ content: description, signers, certificates: signature.certificates });
  }
  const { rsa: key, pss } = signature;
  if (pss !== true) return sign('sha256', description, key);
  return sign('sha256', description, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
}

function entry(magic: string, name: string, bytes: Uint8Array, inode: number, upper = false): Buffer {
  const sum = magic === '070702' ? bytes.reduce((total, byte) => total + byte, 0) : 0;
  const numbers = [
    inode,
    inode === 0 ? 0 : 0o100644,
    0,
    0,
    1,
    0,
    bytes.length,
    0,
    0,
    0,
    0,
    name.length + 1,
    sum,
  ];
  const hex = numbers.map((number) => number.toString(16).padStart(8, '0')).join('');
  const digits = upper ? hex.toUpperCase() : hex;
  const header = magic + digits + name + '\0';
  return Buffer.concat([fill(Buffer.from(header)), fill(bytes)]);
}

function fill(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
