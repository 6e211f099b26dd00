/** Private keys of test benches, from files: the device trusts them, the maker's devices in the field do not. */

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { BoardFileError } from '../../errors.ts';
import { bytesSource } from '../byte-source.ts';
import { derOid, derTags, derValue, scanDerElement, type DerNode } from '../codec/der.ts';
import type { TestKey } from '../trust.ts';
import { looksLike, pemBlocks, pemBody } from './key-files.ts';
import { algorithmOfOid } from './key-oids.ts';
import {
  isMlDsa,
  isSlhDsa,
  postQuantumKeys,
  postQuantumSizes,
  publicOfSecret,
  type MlDsaSet,
  type SlhDsaSet,
} from './post-quantum.ts';

/**
 * A private key in PEM or DER: PKCS #8, SEC 1 or PKCS #1; ML-DSA and SLH-DSA in PKCS #8, as seed or expanded.
 *
 * @param chainPem certificates for formats that carry chains, the signer's first
 * @throws BoardFileError `no-test-key`, saying what the file looks like; `encrypted-test-key`
 */
export function readTestKey(bytes: Uint8Array, name: string, chainPem?: Uint8Array): TestKey {
  const chain = chainPem === undefined ? [] : readChain(chainPem, name);
  const block = pemBlocks(bytes).find(({ label }) => label.includes('PRIVATE KEY'));
  if (block !== undefined && /ENCRYPTED/.test(block.block)) {
    throw new BoardFileError('encrypted-test-key', `${name}: the private key is encrypted`, {
      hint: 'Decrypt it for the bench: openssl pkey -in … -out …',
    });
  }
  const der = block === undefined ? Buffer.from(bytes) : pemBody(block.block);
  // First: Node 24 reads some of these too, and they are to be the same everywhere.
  const raw = postQuantumKey(der);
  if (raw !== undefined) return { kind: 'raw', ...raw, chain, name };
  const key = classicKey(der);
  if (key !== undefined) return { kind: 'classic', key, chain, name };
  throw new BoardFileError(
    'no-test-key',
    `${name}: no private key in it; it looks like ${described(bytes)}`,
    {
      hint: 'PEM or DER of PKCS #8, SEC 1 or PKCS #1 is understood.',
    },
  );
}

function described(bytes: Uint8Array): string {
  const [first] = pemBlocks(bytes);
  if (first?.label.includes('PUBLIC KEY')) return 'a public key';
  if (first?.label === 'CERTIFICATE') return 'a certificate';
  return looksLike(bytes);
}

function readChain(pem: Uint8Array, name: string): Uint8Array[] {
  const chain = pemBlocks(pem)
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ block }) => new X509Certificate(block).raw);
  if (chain.length > 0) return chain;
  throw new BoardFileError(
    'no-chain',
    `${name}: no certificate in the chain; it looks like ${looksLike(pem)}`,
  );
}

function classicKey(der: Buffer): KeyObject | undefined {
  for (const type of ['pkcs8', 'sec1', 'pkcs1'] as const) {
    try {
      return createPrivateKey({ key: der, format: 'der', type });
    } catch {
      continue; // not in that form
    }
  }
  return undefined;
}

type RawPair = { algorithm: MlDsaSet | SlhDsaSet; secret: Uint8Array; bytes: Uint8Array };

/** Source: RFC 5208 (PKCS #8); RFC 9881, 6 (ML-DSA); RFC 9909, 5 (SLH-DSA). */
function postQuantumKey(der: Buffer): RawPair | undefined {
  const source = bytesSource(der);
  const [, algorithm, octets] = scanDerElement(source, 0)?.children ?? [];
  const set = algorithmOfOid(derOid(source, algorithm?.children[0]));
  if (set === undefined || octets?.tag !== derTags.OCTET_STRING) return undefined;
  const inside = derValue(source, octets);
  if (isMlDsa(set)) return mlDsaPair(set, inside);
  return isSlhDsa(set) ? slhDsaPair(set, inside) : undefined;
}

/** A CHOICE of seed [0], expanded key, or both; older files have either bare. */
function mlDsaPair(set: MlDsaSet, inside: Buffer): RawPair | undefined {
  const sizes = postQuantumSizes(set);
  const forms = [inside, ...elementsOf(inside)];
  const seed = forms.find(({ length }) => length === sizes.seed);
  if (seed !== undefined) {
    const { publicKey, secretKey } = postQuantumKeys(set, seed);
    return { algorithm: set, secret: secretKey, bytes: publicKey };
  }
  const expanded = forms.find(({ length }) => length === sizes.secretKey);
  return expanded === undefined
    ? undefined
    : { algorithm: set, secret: expanded, bytes: publicOfSecret(set, expanded) };
}

/** Bare: SK.seed ‖ SK.prf ‖ PK.seed ‖ PK.root; or the three seeds alone. */
function slhDsaPair(set: SlhDsaSet, inside: Buffer): RawPair | undefined {
  const sizes = postQuantumSizes(set);
  const forms = [inside, ...elementsOf(inside)];
  const secret = forms.find(({ length }) => length === sizes.secretKey);
  if (secret !== undefined) return { algorithm: set, secret, bytes: secret.subarray(secret.length / 2) };
  const seed = forms.find(({ length }) => length === sizes.seed);
  if (seed === undefined) return undefined;
  const { publicKey, secretKey } = postQuantumKeys(set, seed);
  return { algorithm: set, secret: secretKey, bytes: publicKey };
}

/** Contents of the element, and of those inside it. */
function elementsOf(bytes: Buffer): Buffer[] {
  const source = bytesSource(bytes);
  const outer = scanDerElement(source, 0);
  if (outer === undefined || outer.end !== bytes.length) return [];
  const contents = (node: DerNode): Buffer => derValue(source, node);
  return [contents(outer), ...outer.children.map(contents)];
}
