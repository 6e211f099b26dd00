/** What the generator needs of an image format. One entry per format in {@link imageFormats}. */

import type { KeyObject } from 'node:crypto';
import { digestOf, type ByteSource } from './byte-source.ts';
import { genuineSignatures, verifyMcuboot } from './formats/mcuboot-verify.ts';
import { parseMcuboot, type McubootImage } from './formats/mcuboot.ts';
import { mcubootMagic } from './formats/mcuboot-layout.ts';
import type { ParsedImage } from './image.ts';
import type { Mutation } from './mutation.ts';
import { mcubootMutations } from './mutations/mcuboot.ts';

export type ReferenceVerdict = { accepted: true } | { accepted: false; reason: string; detail: string };

export interface ImageFormat<Image extends ParsedImage = ParsedImage> {
  name: string;
  /** True when the file claims to be of this format, well-formed or not. */
  claims(source: ByteSource): boolean;
  parse(source: ByteSource): Image;
  /**
   * Our reference verifier, trusting these keys, or without keys exactly the signatures of the given genuine images.
   */
  verifier(trust: {
    keys: readonly KeyObject[];
    genuine: readonly ByteSource[];
  }): (source: ByteSource) => ReferenceVerdict;
  /** Digest of the bytes that a device would execute or install, lower-case hex. */
  executedDigest(source: ByteSource, image: Image): string;
  mutations: readonly Mutation<Image>[];
}

const mcuboot: ImageFormat<McubootImage> = {
  name: 'mcuboot',
  claims: (source) => {
    const magic = Buffer.from(source.read(0, 4));
    return magic.length === 4 && magic.readUInt32LE(0) === mcubootMagic;
  },
  parse: parseMcuboot,
  verifier: ({ keys, genuine }) => {
    const trust = keys.length > 0 ? { keys } : { genuine: genuine.flatMap(genuineSignatures) };
    return (source) => verifyMcuboot(source, trust);
  },
  executedDigest: (source, image) => digestOf(source, 'sha256', { end: image.signedEnd }).toString('hex'),
  mutations: mcubootMutations,
};

/** Known formats. Each entry keeps its own image type to itself, so that the list can hold them all. */
export const imageFormats: readonly ImageFormat[] = [mcuboot];

/** The format that the file claims to have, or undefined. */
export function formatOf(source: ByteSource): ImageFormat | undefined {
  return imageFormats.find((format) => format.claims(source));
}
