/** Parts of the authentication wrapper that attacks take apart. */

import type { ByteSource } from '../../../byte-source.ts';
import { cborRaw } from '../../../codec/cbor.ts';
import type { CoseSignature } from '../auth.ts';
import type { SuitImage } from '../parse.ts';

export const unsignedReason = { doesNotApply: 'the envelope is unsigned' };

/** The first signature, of whatever block; codes do not count. */
export function firstSignature({ auth }: SuitImage): CoseSignature | undefined {
  return auth?.blocks.find(({ kind }) => kind === 'sign1' || kind === 'sign')?.signatures[0];
}

/** SUIT_Digest, as it is signed. */
export function digestContent(source: ByteSource, { auth }: SuitImage): Buffer {
  const { headEnd = 0, end = 0 } = auth?.digestWrapper ?? {};
  return Buffer.from(source.read(headEnd, end));
}

/** Authentication blocks with their wrapping. */
export function rawBlocks(source: ByteSource, { auth }: SuitImage): Buffer[] {
  return (auth?.blocks ?? []).map(({ wrapper }) => cborRaw(source, wrapper));
}
