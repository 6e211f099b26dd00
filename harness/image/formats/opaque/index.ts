/**
 * Images of which nothing is known but that they are genuine. Chosen by a person, never recognised: it is not among the
 * formats that are asked whose a file is.
 */

import type { ByteSource } from '../../byte-source.ts';
import { sameBytes } from '../../byte-source.ts';
import { digestOf } from '../../digest.ts';
import type { ImageFormat } from '../../format.ts';
import type { ReferenceVerdict, Trust } from '../../trust.ts';
import { opaqueMutations } from './mutations.ts';
import { parseOpaque, type OpaqueImage } from './parse.ts';

export const opaque: ImageFormat<OpaqueImage> = {
  name: 'opaque',
  title: 'unknown format',
  claims: () => undefined,
  parse: parseOpaque,
  facts: () => ({ hardware: [], algorithms: [], signers: [], digests: [], other: [] }),
  verifier,
  executedDigest: (source) => digestOf(source).toString('hex'),
  mutations: opaqueMutations,
};

/** Genuine is what is a genuine image byte for byte; the first of them is what the device has. */
function verifier({ genuine, policy }: Trust): (source: ByteSource) => ReferenceVerdict {
  return (source) => {
    // A genuine image itself is not judged: whether one is a step back depends on what the device has.
    if (genuine.includes(source)) return { accepted: true };
    const index = genuine.findIndex((one) => sameBytes(one, source));
    if (index < 0) {
      const detail = `${source.size} bytes that are none of ${genuine.length} genuine images`;
      return { accepted: false, reason: 'altered', detail };
    }
    if (index === 0 || policy.lowerVersion !== 'refuse') return { accepted: true };
    return { accepted: false, reason: 'older', detail: 'the genuine image of another release' };
  };
}
