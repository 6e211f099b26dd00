/**
 * ECDSA signatures in DER, read strictly or as loaders read them. Crypto libraries differ: mbed TLS takes lengths in
 * more bytes than needed and numbers without their sign byte, some loaders ignore what lies behind (images of imgtool
 * before 1.8 had signatures padded with zeros to a fixed length), and none minds a large s.
 *
 * Source: RFC 3279, 2.2.3; MCUboot, boot/bootutil/include/bootutil/crypto/ecdsa.h; scripts/imgtool, `--pad-sig`.
 */

import type { KeyObject } from 'node:crypto';
import { p256, p384 } from '@noble/curves/nist.js';
import { bytesSource } from '../../byte-source.ts';
import { derTags, derValue, encodeDer, encodeDerInteger, scanDer, type DerNode } from '../../codec/der.ts';

export interface EcdsaPair {
  r: bigint;
  s: bigint;
}

/** Order of a key's curve, and its width in bytes. */
export function orderOf(key: KeyObject): { n: bigint; bytes: number } {
  return key.asymmetricKeyDetails?.namedCurve === 'secp384r1'
    ? { n: p384.Point.Fn.ORDER, bytes: 48 }
    : { n: p256.Point.Fn.ORDER, bytes: 32 };
}

/** r ‖ s of a signature that has one possible form: minimal DER, nothing behind it, s at most half the order. */
export function strictEcdsa(der: Uint8Array, key: KeyObject): Buffer | undefined {
  const pair = readPair(der);
  if (pair === undefined || pair.s > orderOf(key).n / 2n) return undefined;
  return encodePair(pair).equals(Buffer.from(der)) ? concatenated(pair, key) : undefined;
}

/** r ‖ s of whatever some loader would take for it. */
export function tolerantEcdsa(der: Uint8Array, key: KeyObject): Buffer | undefined {
  const pair = readPair(der);
  return pair === undefined ? undefined : concatenated(pair, key);
}

/** The two numbers, both read as unsigned; undefined when it is no SEQUENCE that begins with two INTEGERs. */
export function readPair(der: Uint8Array): EcdsaPair | undefined {
  const source = bytesSource(der.subarray(0, 512));
  const [sequence] = scanDer(source, {}, { depth: 2, nodes: 8 }).nodes;
  if (sequence === undefined || !isWhole(sequence, derTags.SEQUENCE)) return undefined;
  const [r, s] = sequence.children;
  if (r === undefined || s === undefined) return undefined;
  if (!isWhole(r, derTags.INTEGER) || !isWhole(s, derTags.INTEGER)) return undefined;
  const unsigned = (node: DerNode): bigint => BigInt(`0x0${derValue(source, node).toString('hex')}`);
  return { r: unsigned(r), s: unsigned(s) };
}

/** Of that tag, and not cut off by what contains it. */
function isWhole(node: DerNode, tag: number): boolean {
  const fits = node.end - node.valueStart === node.claimedBytes;
  return (
    fits && node.tag === tag && node.class === 'universal' && node.constructed === (tag === derTags.SEQUENCE)
  );
}

/** SEQUENCE { r, s } in DER. */
export function encodePair({ r, s }: EcdsaPair): Buffer {
  return encodeDer(0x30, encodeDerInteger(r), encodeDerInteger(s));
}

/** r ‖ s, each as wide as the order; undefined when one is wider. */
export function concatenated({ r, s }: EcdsaPair, key: KeyObject): Buffer | undefined {
  const { bytes } = orderOf(key);
  const [left, right] = [r, s].map((number) => number.toString(16).padStart(2 * bytes, '0'));
  if (left?.length !== 2 * bytes || right?.length !== 2 * bytes) return undefined;
  return Buffer.from(left + right, 'hex');
}
