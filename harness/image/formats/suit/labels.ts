/**
 * The numbers of SUIT and of the parts of COSE that it uses.
 *
 * Source: draft-ietf-suit-manifest-34, "IANA Considerations"; draft-ietf-suit-trust-domains-12 (15, 18, and manifest
 * element 5); IANA registries "SUIT", "COSE Algorithms", "COSE Header Parameters".
 */

import type { DigestAlgorithm } from '../../digest.ts';

export const envelopeTag = 107n;

export const envelopeKeys = { auth: 2, manifest: 3 } as const;

export const manifestKeys = {
  version: 1,
  sequenceNumber: 2,
  common: 3,
  referenceUri: 4,
  componentId: 5,
  validate: 7,
  load: 8,
  invoke: 9,
  text: 23,
} as const;

export const commonKeys = { components: 2, shared: 4 } as const;

/** Names of manifest elements that are command sequences, in the order in which an update runs them. */
export const sequenceNames: ReadonlyMap<number, string> = new Map([
  [15, 'dependency-resolution'],
  [16, 'payload-fetch'],
  [18, 'candidate-verification'],
  // Number of the installation in earlier drafts (19, for one); 20 in the registry.
  [17, 'install'],
  [20, 'install'],
  [manifestKeys.validate, 'validate'],
  [manifestKeys.load, 'load'],
  [manifestKeys.invoke, 'invoke'],
]);

/** What else may be severed: named, but never executed. */
export const otherSeverable: ReadonlyMap<number, string> = new Map([
  [14, 'coswid'],
  [manifestKeys.text, 'text'],
]);

export const commands = {
  vendorIdentifier: 1,
  classIdentifier: 2,
  imageMatch: 3,
  setComponentIndex: 12,
  abort: 14,
  tryEach: 15,
  write: 18,
  setParameters: 19,
  override: 20,
  fetch: 21,
  copy: 22,
  invoke: 23,
  runSequence: 32,
  processDependency: 11,
} as const;

export const parameters = {
  vendor: 1,
  class: 2,
  digest: 3,
  slot: 5,
  softFailure: 13,
  size: 14,
  content: 18,
  encryptionInfo: 19,
  uri: 21,
  source: 22,
} as const;

export const parameterNames: ReadonlyMap<number, string> = new Map([
  [1, 'vendor-id'],
  [2, 'class-id'],
  [3, 'image-digest'],
  [5, 'component-slot'],
  [12, 'strict-order'],
  [13, 'soft-failure'],
  [14, 'image-size'],
  [18, 'content'],
  [19, 'encryption-info'],
  [21, 'uri'],
  [22, 'source-component'],
  [23, 'invoke-args'],
  [24, 'device-id'],
]);

/** COSE numbers of hash algorithms that can be checked here. */
export const digestAlgorithms: ReadonlyMap<number, DigestAlgorithm> = new Map([
  [-16, 'sha256'],
  [-43, 'sha384'],
  [-44, 'sha512'],
]);

export const digestNames: ReadonlyMap<number, string> = new Map([
  [-15, 'SHA-256/64'],
  [-16, 'SHA-256'],
  [-17, 'SHA-512/256'],
  [-18, 'SHAKE128'],
  [-43, 'SHA-384'],
  [-44, 'SHA-512'],
  [-45, 'SHAKE256'],
]);

export const coseTags = { mac0: 17, sign1: 18, mac: 97, sign: 98 } as const;

export const coseHeaders = { algorithm: 1, keyId: 4 } as const;

/** How a COSE signature algorithm is checked. */
export type CoseScheme =
  | { kind: 'ecdsa'; hash: DigestAlgorithm; curve?: string }
  | { kind: 'eddsa' }
  | { kind: 'rsa-pss'; hash: DigestAlgorithm; saltBytes: number }
  /** Known by name; no code here checks it. */
  | { kind: 'named' };

/** Signature algorithms by COSE number. ESP256 and its like name the curve too (RFC 9864). */
export const coseAlgorithms: ReadonlyMap<number, { name: string; scheme: CoseScheme }> = new Map([
  [-7, { name: 'ES256', scheme: { kind: 'ecdsa', hash: 'sha256' } }],
  [-9, { name: 'ESP256', scheme: { kind: 'ecdsa', hash: 'sha256', curve: 'prime256v1' } }],
  [-35, { name: 'ES384', scheme: { kind: 'ecdsa', hash: 'sha384' } }],
  [-51, { name: 'ESP384', scheme: { kind: 'ecdsa', hash: 'sha384', curve: 'secp384r1' } }],
  [-36, { name: 'ES512', scheme: { kind: 'ecdsa', hash: 'sha512' } }],
  [-52, { name: 'ESP512', scheme: { kind: 'ecdsa', hash: 'sha512', curve: 'secp521r1' } }],
  [-8, { name: 'EdDSA', scheme: { kind: 'eddsa' } }],
  [-19, { name: 'Ed25519', scheme: { kind: 'eddsa' } }],
  [-37, { name: 'PS256', scheme: { kind: 'rsa-pss', hash: 'sha256', saltBytes: 32 } }],
  [-38, { name: 'PS384', scheme: { kind: 'rsa-pss', hash: 'sha384', saltBytes: 48 } }],
  [-39, { name: 'PS512', scheme: { kind: 'rsa-pss', hash: 'sha512', saltBytes: 64 } }],
  [-46, { name: 'HSS-LMS', scheme: { kind: 'named' } }],
  [-48, { name: 'ML-DSA-44', scheme: { kind: 'named' } }],
  [-49, { name: 'ML-DSA-65', scheme: { kind: 'named' } }],
  [-50, { name: 'ML-DSA-87', scheme: { kind: 'named' } }],
]);

/** Message authentication codes by COSE number, for naming. */
export const macNames: ReadonlyMap<number, string> = new Map([
  [4, 'HMAC 256/64'],
  [5, 'HMAC 256/256'],
  [6, 'HMAC 384/384'],
  [7, 'HMAC 512/512'],
]);
