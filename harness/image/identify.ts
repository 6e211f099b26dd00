/** What an image says it is, to be held against what a device reports. */

import { createHash } from 'node:crypto';
import { bytesSource } from './byte-source.ts';
import { parseMcuboot, tlvsOf } from './formats/mcuboot.ts';
import { digestTypes } from './formats/mcuboot-layout.ts';
import { formatOf } from './format.ts';

export interface ImageIdentity {
  format: string;
  /** As devices write it: `1.2.0+0`; undefined where the format has none. */
  version: string | undefined;
  /** Digests by which a device may name the image, lower-case hex: of the whole file, and those inside it. */
  digests: readonly string[];
}

/** The identity of an image of a known format; undefined for any other. */
export function identifyImage(bytes: Uint8Array): ImageIdentity | undefined {
  const source = bytesSource(bytes);
  const format = formatOf(source);
  if (format?.name !== 'mcuboot') return undefined;
  const image = parseMcuboot(source);
  const inside = [...digestTypes.keys()]
    .flatMap((type) => tlvsOf(image, type))
    .map((tlv) => Buffer.from(source.read(tlv.valueStart, tlv.end)).toString('hex'));
  return {
    format: format.name,
    version: image.header?.version,
    digests: [createHash('sha256').update(bytes).digest('hex'), ...inside],
  };
}
