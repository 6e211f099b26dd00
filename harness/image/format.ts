/** What the engine needs of an image format. One folder under formats/ for each, one line in {@link imageFormats}. */

import type { ByteSource } from './byte-source.ts';
import type { ParsedImage } from './image.ts';
import type { Mutation } from './mutation.ts';
import type { ReferenceVerdict, Trust } from './trust.ts';

/** How sure a format is that a file is meant to be one of its own. */
export type Claim =
  /** Its magic number and enough of its structure: nothing else looks like this. */
  | { certainty: 'certain' }
  /** Something speaks for it and something against: a damaged image, or another kind of file. */
  | { certainty: 'possible'; doubt: string };

/** What an image says of itself, for people and for holding it against what a device reports. */
export interface ImageFacts {
  /** As the devices of this format write it: `1.2.0+0`. */
  version?: string;
  /** Security counter, sequence number, secure version: what must never go down. */
  counter?: bigint;
  /** What it is built for: board, vendor and class id, chip. */
  hardware: readonly { name: string; value: string }[];
  /** `ECDSA P-256`, `SHA-256`, in the order in which the format names them. */
  algorithms: readonly string[];
  /** Who signed, as the format names them: key hash, hint, certificate subject. Lower-case hex for digests. */
  signers: readonly { name: string; value: string }[];
  /** Digests inside the image by which a device may name it, lower-case hex. */
  digests: readonly string[];
  /** True when what it holds cannot be read here, being compressed or encrypted: then other digests may name it too. */
  contentsHidden?: boolean;
  /** Whatever else is worth telling: load address, compression, components. */
  other: readonly { name: string; value: string }[];
}

export interface ImageFormat<Image extends ParsedImage = ParsedImage> {
  /** `mcuboot` */
  name: string;
  /** `MCUboot` */
  title: string;
  /** Undefined when nothing speaks for it. Reads little: is asked of every file. Never throws. */
  claims(source: ByteSource): Claim | undefined;
  /** Never throws; time and memory bounded by the size, whatever the bytes say. */
  parse(source: ByteSource): Image;
  /** Never throws. */
  facts(source: ByteSource, image: Image): ImageFacts;
  /** Our reference verifier: says why it refuses. Never throws, whatever the bytes. */
  verifier(trust: Trust): (source: ByteSource) => ReferenceVerdict;
  /** Digest of the bytes that a device would execute or install, lower-case hex. */
  executedDigest(source: ByteSource, image: Image): string;
  mutations: readonly Mutation<Image>[];
}
