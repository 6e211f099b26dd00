/**
 * Our reference verifier of payloads with detached or appended signatures: it says *why* it refuses.
 *
 * Strict by default; what `malleableSignatures` in the policy allows or forbids is honoured.
 */

import { digestOf } from '../../digest.ts';
import { slice, type ByteSource } from '../../byte-source.ts';
import { fromP1363, orderOf, readDerLoosely, type CurveName } from '../../crypto/ecdsa.ts';
import { describeScheme, keyFits, verifySignature, type SignatureScheme } from '../../crypto/signature.ts';
import type { PublicKey, ReferenceVerdict, Trust } from '../../trust.ts';
import { schemeOf, signatureNames, type DetachedLayout } from './layout.ts';
import { parseDetached, type DetachedImage } from './parse.ts';

export type Refusal = 'truncated' | 'format' | 'unsigned' | 'no-key' | 'signature';

const no = (reason: Refusal, detail: string): ReferenceVerdict => ({ accepted: false, reason, detail });

/** What is known of a genuine image when there are no keys: digest of what is covered, signatures by index. */
interface Genuine {
  digest: string;
  signatures: readonly string[];
}

export function detachedVerifier(
  layout: DetachedLayout,
  trust: Trust,
): (source: ByteSource) => ReferenceVerdict {
  const genuine =
    trust.keys.length > 0 ? undefined : trust.genuine.map((source) => known(source, layout, trust));
  return (source) => {
    const image = parseDetached(source, layout);
    const form = checkForm(image);
    if (form !== undefined) return form;
    return genuine === undefined
      ? checkWithKeys(source, image, layout, trust)
      : checkAgainst(genuine, known(source, layout, trust), layout);
  };
}

function checkForm(image: DetachedImage): ReferenceVerdict | undefined {
  if (image.signatures.every(({ start, end }) => start === end))
    return no('unsigned', 'there is no signature');
  const truncated = image.issues.find(({ code }) => code === 'truncated');
  if (truncated !== undefined) return no('truncated', truncated.message);
  const [issue] = image.issues;
  return issue === undefined ? undefined : no('format', issue.message);
}

/** Several signatures of the same scheme need a key each: one signer cannot stand for two. */
function checkWithKeys(
  source: ByteSource,
  image: DetachedImage,
  layout: DetachedLayout,
  trust: Trust,
): ReferenceVerdict {
  const used = new Set<PublicKey>();
  const refusals: ReferenceVerdict[] = [];
  for (const index of layout.signatures.keys()) {
    const keys = trust.keys.filter((key) => !used.has(key));
    const found = checkOne(source, image, layout, index, keys, trust);
    if ('key' in found) used.add(found.key);
    else refusals.push(found);
  }
  const enough = layout.rule === 'all' ? refusals.length === 0 : used.size > 0;
  return enough ? { accepted: true } : (refusals[0] ?? no('unsigned', 'there is no signature'));
}

function checkOne(
  source: ByteSource,
  image: DetachedImage,
  layout: DetachedLayout,
  index: number,
  keys: readonly PublicKey[],
  { policy }: Trust,
): { key: PublicKey } | ReferenceVerdict {
  const scheme = schemeOf(layout, index);
  const name = signatureNames(layout)[index] ?? '';
  const fitting = keys.filter((key) => keyFits(key, scheme));
  if (fitting.length === 0) return no('no-key', `no trusted key is for ${describeScheme(scheme)} (${name})`);
  const message = slice(source, image.covered.start, image.covered.end);
  const signature = signatureOf(source, image, index);
  if (signature.length === 0) return no('unsigned', `the signature ${name} is missing`);
  if (policy.malleableSignatures === 'refuse' && scheme.type === 'ecdsa' && isHigh(signature, scheme))
    return no('signature', `${name}: s is above half the order, which the declared policy refuses`);
  const lenient = policy.malleableSignatures === 'accept';
  const whys: string[] = [];
  for (const key of fitting) {
    const check = verifySignature(key, scheme, message, signature, { lenient });
    if (check.good) return { key };
    whys.push(`${key.name}: ${check.why}`);
  }
  return no('signature', `${name}: ${whys.join('; ')}`);
}

/** Longest signature that is read: SLH-DSA-256f has 49 856 bytes, HSS with eight levels more. */
const mostSignatureBytes = 1_000_000;

export function signatureOf(source: ByteSource, image: DetachedImage, index: number): Buffer {
  const { start = 0, end = 0 } = image.signatures[index] ?? {};
  return Buffer.from(source.read(start, Math.min(end, start + mostSignatureBytes)));
}

type EcdsaScheme = Extract<SignatureScheme, { type: 'ecdsa' }>;

function isHigh(signature: Uint8Array, scheme: EcdsaScheme): boolean {
  const pair = scheme.encoding === 'der' ? readDerLoosely(signature) : fromP1363(signature, scheme.curve);
  return pair !== undefined && pair.s > orderOf(scheme.curve).n / 2n;
}

function known(source: ByteSource, layout: DetachedLayout, { policy }: Trust): Genuine {
  const image = parseDetached(source, layout);
  const canonical = policy.malleableSignatures === 'accept' ? canonicalForm : undefined;
  return {
    digest: digestOf(source, 'sha256', image.covered).toString('hex'),
    signatures: layout.signatures.map(({ scheme }, index) => {
      const signature = signatureOf(source, image, index);
      return (canonical?.(signature, scheme) ?? signature).toString('hex');
    }),
  };
}

/** The same for all encodings of a signature that a lenient device takes for the same. */
function canonicalForm(signature: Buffer, scheme: SignatureScheme): Buffer {
  if (scheme.type === 'ecdsa') return canonicalEcdsa(signature, scheme.curve) ?? signature;
  if (!scheme.type.startsWith('rsa')) return signature;
  const start = signature.findIndex((byte) => byte !== 0);
  return start < 0 ? signature : signature.subarray(start);
}

function canonicalEcdsa(signature: Buffer, curve: CurveName): Buffer | undefined {
  const pair = readDerLoosely(signature) ?? fromP1363(signature, curve);
  const { n } = orderOf(curve);
  if (pair === undefined || pair.r >= n || pair.s >= n) return undefined;
  const s = pair.s > n / 2n ? n - pair.s : pair.s;
  return Buffer.from(`${pair.r.toString(16)} ${s.toString(16)}`);
}

function checkAgainst(genuine: readonly Genuine[], image: Genuine, layout: DetachedLayout): ReferenceVerdict {
  const same = genuine.filter(({ digest }) => digest === image.digest);
  const enough = same.some(({ signatures }) => {
    const equal = signatures.map((value, index) => value !== '' && value === image.signatures[index]);
    return layout.rule === 'all' ? equal.every(Boolean) : equal.some(Boolean);
  });
  return enough
    ? { accepted: true }
    : no('signature', 'no genuine image has these bytes with these signatures');
}
