/** ESP secure boot v2, as an image format of the engine. */

import type { ByteSource } from '../../byte-source.ts';
import { digestOf } from '../../digest.ts';
import type { Claim, ImageFacts, ImageFormat } from '../../format.ts';
import { curveById } from './keys.ts';
import {
  blockMagic,
  chipNames,
  headerBytes,
  imageMagic,
  mostSegments,
  sectorEnd,
  segmentHeaderBytes,
  segmentLimitBytes,
} from './layout.ts';
import { espMutations } from './mutations/index.ts';
import { blockField, parseEsp, type EspBlock, type EspImage } from './parse.ts';
import { espTrust, keyDigest, signedDigest, verifyEsp } from './verify.ts';

export const esp: ImageFormat<EspImage> = {
  name: 'esp',
  title: 'ESP secure boot v2',
  claims,
  parse: parseEsp,
  facts,
  verifier: (trust) => {
    const espTrusted = espTrust(trust);
    return (source) => verifyEsp(source, espTrusted);
  },
  executedDigest: (source, image) => digestOf(source, 'sha256', { end: image.signedEnd }).toString('hex'),
  mutations: espMutations,
};

/** The magic is one byte, and a jump on other machines: the chain of segments must lead to a signature block. */
function claims(source: ByteSource): Claim | undefined {
  const header = Buffer.from(source.read(0, headerBytes));
  if (header.length < headerBytes || header[0] !== imageMagic) return undefined;
  const count = header[1] ?? 0;
  const known = chipNames.has(header.readUInt16LE(12));
  if (count === 0 || count > mostSegments || (header[2] ?? 0) > 5 || !known) return undefined;
  const end = segmentsEnd(source, count);
  if (end === undefined) return { certainty: 'possible', doubt: 'its segments do not fit the file' };
  const checksumEnd = Math.ceil((end + 1) / 16) * 16;
  const sector = sectorEnd(checksumEnd + (header[23] === 1 ? 32 : 0));
  return source.read(sector, sector + 1)[0] === blockMagic
    ? { certainty: 'certain' }
    : { certainty: 'possible', doubt: 'there is no signature block behind it' };
}

function segmentsEnd(source: ByteSource, count: number): number | undefined {
  let at = headerBytes;
  for (let index = 0; index < count; index += 1) {
    const head = Buffer.from(source.read(at, at + segmentHeaderBytes));
    const bytes = head.length < segmentHeaderBytes ? segmentLimitBytes : head.readUInt32LE(4);
    at += segmentHeaderBytes + bytes;
    if (bytes >= segmentLimitBytes || at > source.size) return undefined;
  }
  return at;
}

function facts(source: ByteSource, image: EspImage): ImageFacts {
  const { app, header, sha256At } = image;
  const appended = sha256At === undefined ? [] : [hex(source.read(sha256At, sha256At + 32))];
  const hashes = new Set(image.blocks.flatMap(({ layout }) => layout?.hash ?? []));
  return {
    ...(app === undefined ? {} : { version: app.version, counter: BigInt(app.secureVersion) }),
    hardware: hardwareOf(image),
    algorithms: [...image.blocks.map(algorithmOf), ...[...hashes].map((hash) => hash.replace('sha', 'SHA-'))],
    signers: image.blocks.map((block) => ({ name: 'public key digest', value: keyDigest(block) })),
    digests: [
      ...appended,
      ...[...hashes].map((hash) => hex(signedDigest(source, image, hash))),
      ...(app === undefined ? [] : [app.elfSha256]),
    ],
    other: [
      ...(app === undefined
        ? []
        : [
            { name: 'project', value: app.projectName },
            { name: 'ESP-IDF', value: app.idfVersion },
          ]),
      ...(header === undefined
        ? []
        : [{ name: 'entry address', value: `0x${header.entry_addr.toString(16)}` }]),
    ],
  };
}

function hardwareOf({ header }: EspImage): ImageFacts['hardware'] {
  if (header === undefined) return [];
  const id = `0x${header.chip_id.toString(16).padStart(4, '0')}`;
  return [
    { name: 'chip', value: chipNames.get(header.chip_id) ?? id },
    { name: 'chip id', value: id },
    { name: 'lowest chip revision', value: (header.min_chip_rev_full / 100).toFixed(2) },
  ];
}

function algorithmOf(block: EspBlock): string {
  if (block.layout === undefined) return `unknown, version ${block.version}`;
  if (block.layout.name === 'rsa') return 'RSA-3072 PSS';
  return `ECDSA ${curveById(blockField(block, 'curve')[0] ?? 0)?.name ?? 'on an unknown curve'}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
