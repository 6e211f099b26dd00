/**
 * Makes SUIT envelopes for tests, written from the draft alone: it shares no code with the parser that it tests, and
 * encodes with a library.
 */

import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { encode } from 'cborg';

export interface BuildOptions {
  /** Private key: EC P-256 or P-384, Ed25519. Without one, the signature is 64 bytes of the sequence number. */
  key?: KeyObject;
  /** COSE number; by the key when absent. */
  algorithm?: number;
  keyId?: string;
  /** COSE_Sign with two signers, in place of COSE_Sign1. */
  several?: boolean;
  /** A COSE_Mac0 block before the signature. */
  withMac?: boolean;
  sequenceNumber?: number;
  vendor?: string;
  class?: string;
  /** Integrated payload; nothing is integrated when absent. */
  payload?: Uint8Array;
  payloadName?: string;
  /** Never compares the payload with a digest. */
  unchecked?: boolean;
  /** Two slots, chosen by try-each, with a payload each. */
  slots?: boolean;
  /** A second component, of which nothing is said. */
  twoComponents?: boolean;
  /** Installation moved to the envelope. */
  severedInstall?: boolean;
  text?: string;
  referenceUri?: string;
  componentId?: readonly string[];
  /** COSE number and name for all digests. */
  hash?: readonly [number, string];
  untagged?: boolean;
}

type Entry = [key: number | string, value: unknown];

const map = (...entries: Entry[]): Map<number | string, unknown> => new Map(entries);

export function buildSuit(options: BuildOptions): Buffer {
  const [hashNumber, hashName] = options.hash ?? [-16, 'sha256'];
  const digest = (bytes: Uint8Array): [number, Uint8Array] => [
    hashNumber,
    Uint8Array.from(createHash(hashName).update(bytes).digest()),
  ];
  const install = encode([...first(options), ...installSequence(options)]);
  const text = options.text === undefined ? undefined : encode(map(['en', map([1, options.text])]));
  const manifest = encode(
    map(
      [1, 1],
      [2, options.sequenceNumber ?? 7],
      [3, encode(common(options, digest))],
      ...(options.referenceUri === undefined ? [] : [[4, options.referenceUri] satisfies Entry]),
      ...(options.componentId === undefined
        ? []
        : [[5, options.componentId.map((part) => utf8(part))] satisfies Entry]),
      [7, encode([...first(options), ...(options.unchecked === true ? [1, 15] : [3, 15])])],
      [9, encode([...first(options), 23, 2])],
      [20, options.severedInstall === true ? digest(encode(install)) : install],
      ...(text === undefined ? [] : [[23, digest(encode(text))] satisfies Entry]),
    ),
  );
  const envelope = encode(
    map(
      [2, encode(wrapper(options, encode(digest(encode(manifest)))))],
      [3, manifest],
      ...(options.severedInstall === true ? [[20, install] satisfies Entry] : []),
      ...(text === undefined ? [] : [[23, text] satisfies Entry]),
      ...payloads(options),
    ),
  );
  return Buffer.concat([options.untagged === true ? Buffer.alloc(0) : Buffer.of(0xd8, 0x6b), envelope]);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function nameOf({ payloadName = '#firmware' }: BuildOptions, slot = ''): string {
  return `${payloadName}${slot}`;
}

/** What the second slot gets: the payload backwards. */
function forSlot(payload: Uint8Array, slot: number): Uint8Array {
  return slot === 0 ? payload : Uint8Array.from(payload).reverse();
}

function payloads({ payload, slots, ...options }: BuildOptions): Entry[] {
  if (payload === undefined) return [];
  if (slots !== true) return [[nameOf(options), payload]];
  return [0, 1].map((slot) => [nameOf(options, `-${slot}`), forSlot(payload, slot)]);
}

/** Selects the first of several components. */
function first({ twoComponents }: BuildOptions): number[] {
  return twoComponents === true ? [12, 0] : [];
}

type Digest = (bytes: Uint8Array) => [number, Uint8Array];

function common(options: BuildOptions, digest: Digest): Map<number | string, unknown> {
  const payload = options.payload ?? utf8('a payload that lies elsewhere');
  const identifiers: Entry[] = [
    [1, Buffer.from(options.vendor ?? 'fa6b4a53d5ad5fdfbe9de663e4d41ffe', 'hex')],
    [2, Buffer.from(options.class ?? '1492af1425695e48bf429b2d51f2ab45', 'hex')],
  ];
  const image = (slot: number): Entry[] => [
    [3, encode(digest(forSlot(payload, slot)))],
    [14, payload.length],
  ];
  const shared =
    options.slots === true
      ? [
          ...[20, map(...identifiers), 1, 15, 2, 15],
          15,
          [0, 1].map((slot) => encode([20, map([5, slot]), 5, 5, 20, map(...image(slot))])),
        ]
      : [20, map(...identifiers, ...image(0)), 1, 15, 2, 15];
  const components = [[Uint8Array.of(0)], ...(options.twoComponents === true ? [[Uint8Array.of(1)]] : [])];
  return map([2, components], [4, encode([...first(options), ...shared])]);
}

function installSequence(options: BuildOptions): unknown[] {
  const uri = options.payload === undefined ? 'https://example.com/firmware.bin' : nameOf(options);
  if (options.slots !== true)
    return [20, map([21, uri]), 21, 2, ...(options.unchecked === true ? [] : [3, 15])];
  const slots = [0, 1].map((slot) =>
    encode([20, map([5, slot]), 5, 5, 20, map([21, nameOf(options, `-${slot}`)])]),
  );
  return [15, slots, 21, 2, 3, 15];
}

function wrapper(options: BuildOptions, digest: Uint8Array): Uint8Array[] {
  const body = options.several === true ? sign98(options, digest) : sign18(options, digest);
  const mac = tagged(17, encode([encode(map([1, 5])), map(), null, new Uint8Array(32)]));
  return [digest, ...(options.withMac === true ? [mac] : []), body];
}

function sign18(options: BuildOptions, digest: Uint8Array): Uint8Array {
  const header = encode(map([1, algorithmOf(options)]));
  const message = encode(['Signature1', header, new Uint8Array(), digest]);
  return tagged(18, encode([header, unprotectedOf(options), null, signMessage(options, message)]));
}

function sign98(options: BuildOptions, digest: Uint8Array): Uint8Array {
  const header = encode(map([1, algorithmOf(options)]));
  const message = encode(['Signature', new Uint8Array(), header, new Uint8Array(), digest]);
  const good = [header, unprotectedOf(options), signMessage(options, message)];
  const stranger = [
    header,
    map([4, utf8('another')]),
    Uint8Array.from(createHash('sha512').update(digest).digest()),
  ];
  return tagged(98, encode([new Uint8Array(), map(), null, [stranger, good]]));
}

function unprotectedOf({ keyId }: BuildOptions): Map<number | string, unknown> {
  return keyId === undefined ? map() : map([4, utf8(keyId)]);
}

function algorithmOf({ algorithm, key }: BuildOptions): number {
  if (algorithm !== undefined) return algorithm;
  if (key?.asymmetricKeyType === 'ed25519') return -8;
  return key?.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? -35 : -7;
}

function signMessage(options: BuildOptions, message: Uint8Array): Uint8Array {
  const { key } = options;
  if (key === undefined) return new Uint8Array(64).fill(options.sequenceNumber ?? 7);
  if (key.asymmetricKeyType === 'ed25519') return Uint8Array.from(sign(null, message, key));
  const hash = createPublicKey(key).asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'sha384' : 'sha256';
  for (;;) {
    const signature = sign(hash, message, { key, dsaEncoding: 'ieee-p1363' });
    // A first byte of s below 0x7f: in the lower half of the order, as devices want it that refuse the other one.
    if ((signature[signature.length / 2] ?? 0) < 0x7f) return Uint8Array.from(signature);
  }
}

function tagged(tag: number, item: Uint8Array): Uint8Array {
  const head = tag < 24 ? Buffer.of(0xc0 | tag) : Buffer.of(0xd8, tag);
  return Uint8Array.from(Buffer.concat([head, item]));
}
