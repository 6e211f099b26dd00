/** What an image says it is, to be held against what a device reports. */

import { bytesSource } from './byte-source.ts';
import { sha256Hex } from './digest.ts';
import { formatOf } from './recognise.ts';

export interface ImageIdentity {
  format: string;
  /** As devices write it: `1.2.0+0`; undefined where the format has none. */
  version: string | undefined;
  /** Digests by which a device may name the image, lower-case hex: of the whole file, and those inside it. */
  digests: readonly string[];
  /** True when a device may name it by a digest that cannot be read here. */
  contentsHidden: boolean;
}

/** The identity of an image of a known format; undefined for any other. */
export function identifyImage(bytes: Uint8Array): ImageIdentity | undefined {
  const source = bytesSource(bytes);
  const format = formatOf(source);
  if (format === undefined) return undefined;
  const { version, digests, contentsHidden = false } = format.facts(source, format.parse(source));
  return { format: format.name, version, digests: [sha256Hex(source), ...digests], contentsHidden };
}
