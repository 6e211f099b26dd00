/**
 * The authentication wrapper: the digest of the manifest and the COSE objects over it.
 *
 * Source: draft-ietf-suit-manifest-34, "Authenticated Manifests", "SUIT Digest Container"; RFC 9052, 4 and 6.
 */

import type { ByteSource } from '../../byte-source.ts';
import { cborBytes, cborEntries, cborInt, cborMajors, scanCbor, type CborItem } from '../../codec/cbor.ts';
import { coseHeaders, coseTags, digestNames } from './labels.ts';
import type { Mark, Reading } from './reading.ts';

/** `[algorithm, bytes]`. */
export interface SuitDigest {
  item: CborItem;
  algorithmItem: CborItem;
  /** COSE number; NaN when it is none. */
  algorithm: number;
  bytesItem: CborItem;
  bytes: Buffer;
}

/** One signature or code with the headers that belong to it. */
export interface CoseSignature {
  protected: CborItem;
  unprotected: CborItem;
  signature: CborItem;
  /** Algorithm in the protected header, COSE number. */
  algorithm: number | undefined;
  /** Algorithm in the unprotected header, where it does not belong. */
  unprotectedAlgorithm: number | undefined;
  keyId: Buffer | undefined;
}

export type BlockKind = 'sign1' | 'sign' | 'mac0' | 'mac' | 'unknown';

export interface AuthBlock {
  wrapper: CborItem;
  kind: BlockKind;
  /** The array inside the tag; absent when the block is of no known form. */
  array: CborItem | undefined;
  /** Header of the body; for `sign1` and `mac0` that of the signature too. */
  protected: CborItem | undefined;
  payload: CborItem | undefined;
  signatures: readonly CoseSignature[];
}

export interface SuitAuth {
  wrapper: CborItem;
  array: CborItem;
  digestWrapper: CborItem | undefined;
  digest: SuitDigest | undefined;
  blocks: readonly AuthBlock[];
}

/** More blocks than that are not read. */
const mostBlocks = 256;

export function readAuth(reading: Reading, wrapper: CborItem): SuitAuth | undefined {
  const item = reading.open('envelope', wrapper, 'the authentication wrapper');
  const array = reading.expect('envelope', item, cborMajors.array, 'the authentication wrapper');
  if (array === undefined) return undefined;
  const [digestWrapper, ...rest] = array.children;
  const inside = reading.open('envelope', digestWrapper, 'the digest of the manifest');
  const digest = inside && readDigest(reading, 'envelope', inside);
  if (rest.length > mostBlocks) {
    reading.issue('envelope', 'too-many-blocks', array.start, `${rest.length} authentication blocks`);
  }
  const blocks = rest.slice(0, mostBlocks).map((block) => readBlock(reading, block));
  return { wrapper, array, digestWrapper, digest, blocks };
}

export function readDigest(
  reading: Reading,
  layer: 'envelope' | 'manifest',
  item: CborItem,
): SuitDigest | undefined {
  const [algorithmItem, bytesItem] = item.children;
  const algorithm = cborInt(algorithmItem);
  const bytes = cborBytes(reading.source, bytesItem, 128);
  if (
    item.major !== cborMajors.array ||
    algorithmItem === undefined ||
    bytesItem === undefined ||
    algorithm === undefined ||
    bytes === undefined
  ) {
    reading.issue(layer, 'digest-form', item.start, 'a digest that is no [algorithm, bytes]');
    return undefined;
  }
  return { item, algorithmItem, algorithm: small(algorithm), bytesItem, bytes };
}

/** The number, or NaN where no registry reaches. */
function small(value: bigint): number {
  return value >= -70_000n && value <= 70_000n ? Number(value) : NaN;
}

const kinds: ReadonlyMap<bigint, BlockKind> = new Map([
  [BigInt(coseTags.sign1), 'sign1'],
  [BigInt(coseTags.sign), 'sign'],
  [BigInt(coseTags.mac0), 'mac0'],
  [BigInt(coseTags.mac), 'mac'],
]);

function readBlock(reading: Reading, wrapper: CborItem): AuthBlock {
  const tag = reading.open('envelope', wrapper, 'an authentication block');
  const known = tag?.major === cborMajors.tag ? kinds.get(tag.argument) : undefined;
  const array = known === undefined ? undefined : tag?.children[0];
  const [header, unprotected, payload, last] = array?.children ?? [];
  if (
    known === undefined ||
    array?.major !== cborMajors.array ||
    header?.major !== cborMajors.bytes ||
    unprotected?.major !== cborMajors.map ||
    last === undefined
  ) {
    const nothing = { array: undefined, protected: undefined, payload: undefined, signatures: [] };
    return { wrapper, kind: 'unknown', ...nothing };
  }
  const several = known === 'sign' && last.major === cborMajors.array;
  const signatures = several
    ? last.children.slice(0, mostBlocks).map((one) => readSignature(reading.source, one.children))
    : [readSignature(reading.source, [header, unprotected, last])];
  return {
    wrapper,
    kind: known,
    array,
    protected: header,
    payload,
    signatures: signatures.filter((signature) => signature !== undefined),
  };
}

function readSignature(source: ByteSource, parts: readonly CborItem[]): CoseSignature | undefined {
  const [header, unprotected, signature] = parts;
  if (
    header?.major !== cborMajors.bytes ||
    unprotected?.major !== cborMajors.map ||
    signature?.major !== cborMajors.bytes
  ) {
    return undefined;
  }
  const inside = scanCbor(source, { start: header.headEnd, end: header.end }).item;
  const algorithm = labelled(inside, coseHeaders.algorithm);
  const keyId = labelled(unprotected, coseHeaders.keyId) ?? labelled(inside, coseHeaders.keyId);
  return {
    protected: header,
    unprotected,
    signature,
    algorithm: numberOf(algorithm),
    unprotectedAlgorithm: numberOf(labelled(unprotected, coseHeaders.algorithm)),
    keyId: cborBytes(source, keyId, 256),
  };
}

function labelled(map: CborItem | undefined, label: number): CborItem | undefined {
  return cborEntries(map).find(({ key }) => cborInt(key) === BigInt(label))?.value;
}

function numberOf(item: CborItem | undefined): number | undefined {
  const value = cborInt(item);
  return value === undefined ? undefined : small(value);
}

/** Regions of the wrapper: the digest and protected headers are signed, all around them is not. */
export function authMarks({ wrapper, digestWrapper, digest, blocks }: SuitAuth): Mark {
  const inside: Mark[] = [];
  if (digestWrapper !== undefined && digest !== undefined) {
    const parts = [
      { ...spanOf(digest.algorithmItem), name: 'auth.digest.algorithm' },
      { ...spanOf(digest.bytesItem), start: digest.bytesItem.headEnd, name: 'auth.digest.bytes' },
    ];
    const content = { start: digestWrapper.headEnd, end: digestWrapper.end, name: 'auth.digest' };
    inside.push({ ...content, coverage: 'signed', inside: parts });
  }
  for (const block of blocks) inside.push(blockMarks(block));
  return { ...spanOf(wrapper), name: 'auth', coverage: 'unsigned', inside };
}

function blockMarks({ wrapper, protected: body, payload, signatures }: AuthBlock): Mark {
  const inside: Mark[] = [];
  if (body !== undefined && signatures[0]?.protected !== body) {
    inside.push({ start: body.headEnd, end: body.end, name: 'auth.block.protected', coverage: 'signed' });
  }
  for (const one of signatures) {
    const { protected: header, unprotected, signature } = one;
    inside.push(
      { start: header.headEnd, end: header.end, name: 'auth.block.protected', coverage: 'signed' },
      { ...spanOf(unprotected), name: 'auth.block.unprotected' },
    );
    if (header === body && payload !== undefined)
      inside.push({ ...spanOf(payload), name: 'auth.block.payload' });
    inside.push({
      start: signature.headEnd,
      end: signature.end,
      name: 'auth.block.signature',
      coverage: 'signature',
    });
  }
  return { ...spanOf(wrapper), name: 'auth.block', inside };
}

export function spanOf({ start, end }: CborItem): { start: number; end: number } {
  return { start, end };
}

/** `SHA-256`, or the number of one without a name. */
export function digestName(algorithm: number): string {
  return digestNames.get(algorithm) ?? `hash ${algorithm}`;
}
