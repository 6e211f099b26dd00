/**
 * Makes signed ESP images for tests, written from the format's description alone: it shares no code with the parser
 * that it tests.
 */

import { constants, createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { crc32 } from 'node:zlib';

export interface BuildOptions {
  /** Private keys, one block each: RSA-3072, EC P-192, P-256, P-384. */
  keys: readonly KeyObject[];
  /** Load address and data of each segment; the application descriptor comes before the first one's data. */
  segments?: readonly (readonly [address: number, data: Buffer])[];
  app?: { version: string; secureVersion: number; project?: string } | 'none';
  chipId?: number;
  minRevision?: number;
  hashAppended?: boolean;
  /** ECDSA signatures with s in the lower half of the order (P-256 only). */
  lowS?: boolean;
}

export const defaultSegments: NonNullable<BuildOptions['segments']> = [
  [0x3f40_0020, Buffer.from('constants of the test application, a multiple of four bytes.')],
  [0x3ffb_0000, Buffer.from('its data, initialised.  ')],
  [0x4008_0000, Buffer.from('code, that is run from RAM: long enough to be altered.. ')],
];

export function buildEsp(options: BuildOptions): Buffer {
  const content = buildContent(options);
  const blocks = options.keys.map((key) => block(key, content, options.lowS === true));
  const sector = Buffer.alloc(4096, 0xff);
  Buffer.concat(blocks).copy(sector);
  return Buffer.concat([content, sector]);
}

/** Everything before the signature sector. */
export function buildContent(options: BuildOptions): Buffer {
  const segments = options.segments ?? defaultSegments;
  const hashAppended = options.hashAppended ?? true;
  const header = Buffer.alloc(24);
  header[0] = 0xe9;
  header[2] = 2;
  header[3] = 0x20;
  header.writeUInt32LE(0x4008_0000, 4);
  header[1] = segments.length;
  header[8] = 0xee;
  header.writeUInt16LE(options.chipId ?? 0, 12);
  header.writeUInt16LE(options.minRevision ?? 100, 15);
  header.writeUInt16LE(399, 17);
  header[23] = hashAppended ? 1 : 0;
  const data = segments.map(([, bytes], index) =>
    index === 0 ? Buffer.concat([descriptor(options.app), bytes]) : bytes,
  );
  const parts = segments.map(([address], index) => {
    const bytes = data[index] ?? Buffer.alloc(0);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(address, 0);
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  });
  const loaded = Buffer.concat([header, ...parts]);
  const tail = Buffer.alloc(16 - (loaded.length % 16));
  tail[tail.length - 1] = Buffer.concat(data).reduce((sum, byte) => sum ^ byte, 0xef);
  const summed = Buffer.concat([loaded, tail]);
  const hash = createHash('sha256').update(summed).digest();
  const image = hashAppended ? Buffer.concat([summed, hash]) : summed;
  return Buffer.concat([image, Buffer.alloc((4096 - (image.length % 4096)) % 4096, 0xff)]);
}

function descriptor(app: BuildOptions['app']): Buffer {
  if (app === 'none') return Buffer.alloc(0);
  const { version, secureVersion, project = 'tester' } = app ?? { version: '1.2.3', secureVersion: 3 };
  const bytes = Buffer.alloc(256);
  bytes.write('3254cdab', 0, 'hex');
  bytes.writeUInt32LE(secureVersion, 4);
  bytes.write(version, 16);
  bytes.write(project, 48);
  bytes.write('12:00:00', 80);
  bytes.write('Jan  1 2025', 96);
  bytes.write('v5.4', 112);
  createHash('sha256').update(version).digest().copy(bytes, 144);
  return bytes;
}

function block(key: KeyObject, content: Buffer, lowS: boolean): Buffer {
  const bytes = key.asymmetricKeyType === 'rsa' ? rsaBlock(key, content) : ecdsaBlock(key, content, lowS);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 1196)), 1196);
  return bytes;
}

function rsaBlock(key: KeyObject, content: Buffer): Buffer {
  const { n: modulus = '', e = '' } = createPublicKey(key).export({ format: 'jwk' }) as {
    n?: string;
    e?: string;
  };
  const n = BigInt(`0x${Buffer.from(modulus, 'base64url').toString('hex')}`);
  const bytes = Buffer.alloc(1216);
  bytes.write('e7020000', 0, 'hex');
  createHash('sha256').update(content).digest().copy(bytes, 4);
  little(n, 384).copy(bytes, 36);
  little(BigInt(`0x${Buffer.from(e, 'base64url').toString('hex')}`), 4).copy(bytes, 420);
  little(2n ** 6144n % n, 384).copy(bytes, 424);
  little(2n ** 32n - inverse(n % 2n ** 32n), 4).copy(bytes, 808);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  sign('sha256', content, { key, padding, saltLength: 32 }).reverse().copy(bytes, 812);
  return bytes;
}

/** Of an odd number modulo 2³², by the order of the group: x^(2³¹ − 1) = x⁻¹. */
function inverse(odd: bigint): bigint {
  let [power, result] = [odd, 1n];
  for (let exponent = 2n ** 31n - 1n; exponent > 0n; exponent /= 2n) {
    if (exponent % 2n === 1n) result = (result * power) % 2n ** 32n;
    power = (power * power) % 2n ** 32n;
  }
  return result;
}

const curves = new Map([
  ['prime192v1', { id: 1, bytes: 24, hash: 'sha256' }],
  ['prime256v1', { id: 2, bytes: 32, hash: 'sha256' }],
  ['secp384r1', { id: 3, bytes: 48, hash: 'sha384' }],
]);

const orderP256 = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

function ecdsaBlock(key: KeyObject, content: Buffer, lowS: boolean): Buffer {
  const curve = curves.get(key.asymmetricKeyDetails?.namedCurve ?? '');
  if (curve === undefined) throw new RangeError('no curve of secure boot v2');
  const digest = createHash(curve.hash).update(content).digest();
  const width = curve.id === 3 ? 96 : 64;
  const bytes = Buffer.alloc(1216);
  bytes.write(curve.id === 3 ? 'e7030100' : 'e7030000', 0, 'hex');
  digest.copy(bytes, 4);
  const keyAt = 4 + digest.length;
  bytes[keyAt] = curve.id;
  const point = createPublicKey(key)
    .export({ type: 'spki', format: 'der' })
    .subarray(-2 * curve.bytes);
  swappedHalves(point).copy(bytes, keyAt + 1);
  const signature = sign(curve.hash, content, { key, dsaEncoding: 'ieee-p1363' });
  const s = BigInt(`0x${signature.subarray(curve.bytes).toString('hex')}`);
  if (lowS && s > orderP256 / 2n)
    little(orderP256 - s, 32)
      .reverse()
      .copy(signature, 32);
  swappedHalves(signature).copy(bytes, keyAt + 1 + width);
  return bytes;
}

/** Two numbers, each from big-endian to little-endian. */
function swappedHalves(pair: Buffer): Buffer {
  const half = pair.length / 2;
  return Buffer.concat([
    Buffer.from(pair.subarray(0, half)).reverse(),
    Buffer.from(pair.subarray(half)).reverse(),
  ]);
}

function little(value: bigint, bytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex').reverse();
}
