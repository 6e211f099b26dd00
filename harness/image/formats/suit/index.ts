/** IETF SUIT envelopes, as an image format of the engine. */

import { createHash } from 'node:crypto';
import type { ByteSource } from '../../byte-source.ts';
import { cborEntries, cborInt, cborMajors, scanCbor } from '../../codec/cbor.ts';
import { digestOf } from '../../digest.ts';
import type { Claim, ImageFormat } from '../../format.ts';
import { suitFacts } from './facts.ts';
import { envelopeKeys, envelopeTag, sequenceNames } from './labels.ts';
import { suitMutations } from './mutations/index.ts';
import { parseSuit, severedItem, type SuitImage } from './parse.ts';
import { payloadItem } from './payloads.ts';
import { suitVerifier } from './verify.ts';

export const suit: ImageFormat<SuitImage> = {
  name: 'suit',
  title: 'IETF SUIT',
  claims,
  parse: parseSuit,
  facts: suitFacts,
  verifier: suitVerifier,
  executedDigest,
  mutations: suitMutations,
};

/** The tag is certain; a map with wrapper and manifest is what a SUIT envelope without a tag looks like. */
function claims(source: ByteSource): Claim | undefined {
  const { item: top } = scanCbor(source, {}, { depth: 3, items: 200 });
  const tagged = top?.major === cborMajors.tag && top.argument === envelopeTag;
  const envelope = tagged ? top.children[0] : top;
  const entries = cborEntries(envelope);
  const has = (wanted: number): boolean =>
    entries.some(({ key, value }) => cborInt(key) === BigInt(wanted) && value.major === cborMajors.bytes);
  if (tagged && envelope?.major === cborMajors.map) return { certainty: 'certain' };
  if (has(envelopeKeys.auth) && has(envelopeKeys.manifest)) return { certainty: 'certain' };
  return undefined;
}

/** SHA-256 over the digests of the manifest, of the sequences severed from it, and of the payloads that it fetches. */
function executedDigest(source: ByteSource, image: SuitImage): string {
  const { manifest } = image;
  if (manifest === undefined) return digestOf(source).toString('hex');
  const severed = manifest.severed
    .filter(({ label }) => sequenceNames.has(label))
    .map((declared) => severedItem(source, image.members, declared));
  const payloads = [...image.program.fetched].sort().map((key) => payloadItem(source, image, key));
  const hash = createHash('sha256');
  for (const item of [manifest.wrapper, ...severed, ...payloads]) {
    if (item !== undefined) hash.update(digestOf(source, 'sha256', { start: item.headEnd, end: item.end }));
  }
  return hash.digest('hex');
}
