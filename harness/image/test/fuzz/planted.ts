/** A format of our own with one fault on request: proof that the fuzzer finds what it is for. */

import { createHmac } from 'node:crypto';
import { materialise, slice, type ByteSource } from '../../byte-source.ts';
import { digestOf } from '../../digest.ts';
import type { ImageFormat } from '../../format.ts';
import { RegionTiler, type Issue, type ParsedImage, type Region } from '../../image.ts';
import type { Sample } from '../sample.ts';

/**
 * `throws` for one value of the version · `reads` as often as a length field says · `overlaps` when the payload is said
 * to be longer than it is · `accepts` whatever the last byte of the payload is · `deep` throws behind three conditions
 * that nothing but the reached code tells apart · `none`
 */
export type PlantedFault = 'none' | 'throws' | 'reads' | 'overlaps' | 'accepts' | 'deep';

interface ToyImage extends ParsedImage {
  payloadEnd: number;
}

const headerBytes = 12;
const macBytes = 32;

export function plantedFormat(fault: PlantedFault): ImageFormat<ToyImage> {
  return {
    name: 'toy',
    title: 'Toy',
    claims: (source) => (magicIsRight(source) ? { certainty: 'certain' } : undefined),
    parse: (source) => parseToy(source, fault),
    facts: () => ({ hardware: [], algorithms: [], signers: [], digests: [], other: [] }),
    verifier: () => (source) => {
      const image = parseToy(source, fault);
      const covered = image.payloadEnd - (fault === 'accepts' ? 1 : 0);
      const stated = Buffer.from(source.read(image.payloadEnd, image.payloadEnd + macBytes));
      const good = image.issues.length === 0 && stated.equals(mac(materialise(slice(source, 0, covered))));
      return good ? { accepted: true } : { accepted: false, reason: 'mac', detail: 'the MAC is another' };
    },
    executedDigest: (source, image) => digestOf(source, 'sha256', { end: image.payloadEnd }).toString('hex'),
    mutations: [],
  };
}

/** Layout: "TOY1", u16 version, u16 repeat, u32 length of the payload, payload, MAC; little-endian. */
export function toySample(fault: PlantedFault): Sample {
  const payload = Buffer.from('the payload of a toy');
  const image = Buffer.alloc(headerBytes + payload.length);
  image.write('TOY1', 'latin1');
  image.writeUInt16LE(3, 4);
  image.writeUInt16LE(1, 6);
  image.writeUInt32LE(payload.length, 8);
  payload.copy(image, headerBytes);
  const covered = image.subarray(0, image.length - (fault === 'accepts' ? 1 : 0));
  return { name: 'toy', bytes: Buffer.concat([image, mac(covered)]), keys: [] };
}

function mac(bytes: Uint8Array): Buffer {
  return createHmac('sha256', 'toy').update(bytes).digest();
}

function magicIsRight(source: ByteSource): boolean {
  return Buffer.from(source.read(0, 4)).toString('latin1') === 'TOY1';
}

function parseToy(source: ByteSource, fault: PlantedFault): ToyImage {
  const issues: Issue[] = [];
  const tiler = new RegionTiler(source.size);
  const header = Buffer.alloc(headerBytes);
  header.set(source.read(0, headerBytes));
  if (!magicIsRight(source)) issues.push({ code: 'magic', at: 0, message: 'the magic is another' });
  const version = header.readUInt16LE(4);
  const length = header.readUInt32LE(8);
  const payloadEnd = headerBytes + length;
  if (payloadEnd + macBytes > source.size) {
    issues.push({
      code: 'truncated',
      at: source.size,
      message: `the image ends at ${payloadEnd + macBytes}`,
    });
  }
  for (const [end, name] of [
    [4, 'magic'],
    [6, 'version'],
    [8, 'repeat'],
    [12, 'length'],
  ] as const) {
    tiler.upTo(end, `header.${name}`, 'signed');
  }
  tiler.upTo(payloadEnd, 'payload', 'signed');
  tiler.upTo(payloadEnd + macBytes, 'mac', 'signature');
  tiler.rest('trailing', 'trailing');
  if (fault === 'throws' && version === 0x7fff) throw new TypeError('nobody thought of version 32767');
  if (fault === 'deep') conditions(source, header);
  if (fault === 'reads') for (let turn = 0; turn < header.readUInt16LE(6); turn += 1) source.read(0, 1);
  return {
    format: 'toy',
    size: source.size,
    regions: regionsOf(tiler, length, source, fault),
    issues,
    payloadEnd,
  };
}

/** One behind the other: each is met by chance, all of them together never. */
function conditions(source: ByteSource, header: Buffer): void {
  if (header.readUInt16LE(6) !== 0xffff) return;
  if (header.readUInt8(8) !== 0x80) return;
  if (source.size !== 7 + headerBytes) return;
  throw new RangeError('three conditions met');
}

function regionsOf(tiler: RegionTiler, length: number, source: ByteSource, fault: PlantedFault): Region[] {
  const { regions } = tiler;
  const last = regions.at(-1);
  if (fault === 'overlaps' && last !== undefined && length > source.size && regions.length > 4) {
    return [...regions.slice(0, -1), { ...last, start: last.start - 1 }];
  }
  return regions;
}
