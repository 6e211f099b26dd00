/**
 * Our reference verifier of SUIT envelopes: it says *why* it refuses. It judges what a device must be able to tell from
 * the envelope alone; what depends on the device (its identifiers, its slots) it holds against genuine envelopes.
 *
 * Source: draft-ietf-suit-manifest-34, "Required Checks", "Severable Elements", "suit-condition-image-match".
 */

import { cborMajors } from '../../codec/cbor.ts';
import type { ByteSource } from '../../byte-source.ts';
import { classicKeys, type ReferenceVerdict, type Trust } from '../../trust.ts';
import { algorithmName, canonicalEcdsa, sigStructure, verifiesWith, type Malleability } from './cose.ts';
import { digestName, type AuthBlock, type CoseSignature } from './auth.ts';
import { checkAgainstGenuine } from './genuine.ts';
import { coseAlgorithms, digestAlgorithms, sequenceNames } from './labels.ts';
import { fitsWrapped, parseSuit, severedItem, type SuitImage } from './parse.ts';
import { checkPayloads } from './payloads.ts';

/** Why an envelope is refused, in the order in which it is looked for. */
export type Refusal =
  | 'truncated'
  | 'format'
  | 'unsigned'
  | 'digest-algorithm'
  | 'digest'
  | 'algorithm'
  | 'signature'
  | 'trailing'
  | 'manifest'
  | 'version'
  | 'severed-missing'
  | 'severed-digest'
  | 'undeclared-member'
  | 'component-index'
  | 'soft-failure'
  | 'too-long'
  | 'payload-missing'
  | 'image-digest'
  | 'image-size'
  | 'unbound-payload'
  | 'hardware'
  | 'counter';

export type Refused = Extract<ReferenceVerdict, { accepted: false }> & { reason: Refusal };

export function no(reason: Refusal, detail: string): Refused {
  return { accepted: false, reason, detail };
}

/** Never throws, whatever the bytes. */
export function suitVerifier(trust: Trust): (source: ByteSource) => ReferenceVerdict {
  const genuine = trust.genuine.map((source) => ({ source, image: parseSuit(source) }));
  const { malleableSignatures: malleable } = trust.policy;
  const known = new Set(genuine.flatMap(({ source, image }) => signatureMarks(source, image, malleable)));
  return (source) => {
    const image = parseSuit(source);
    return (
      checkEnvelope(image) ??
      checkDigest(source, image) ??
      checkSignatures(source, image, trust, known) ??
      checkTrailing(image, trust) ??
      checkManifest(image) ??
      checkSevered(source, image) ??
      checkUndeclared(image, trust) ??
      checkProgram(image) ??
      checkPayloads(source, image, genuine) ??
      checkAgainstGenuine(source, image, genuine, trust.policy) ?? { accepted: true }
    );
  };
}

function checkEnvelope({ broken, envelope }: SuitImage): Refused | undefined {
  const issue = broken.envelope;
  if (issue !== undefined) return no(issue.code === 'cbor-truncated' ? 'truncated' : 'format', issue.message);
  return envelope === undefined ? no('format', 'there is no envelope') : undefined;
}

function checkDigest(source: ByteSource, { auth, manifest }: SuitImage): Refused | undefined {
  if (auth === undefined) return no('unsigned', 'there is no authentication wrapper');
  const { digest } = auth;
  if (digest === undefined) return no('unsigned', 'the authentication wrapper has no digest');
  if (!digestAlgorithms.has(digest.algorithm)) {
    return no('digest-algorithm', `the manifest is digested with ${digestName(digest.algorithm)}`);
  }
  if (manifest === undefined) return no('manifest', 'there is no manifest that can be read');
  if (fitsWrapped(source, manifest.wrapper, digest)) return undefined;
  return no('digest', `the digest ${digest.bytes.toString('hex')} does not fit the manifest`);
}

function checkSignatures(
  source: ByteSource,
  { auth }: SuitImage,
  trust: Trust,
  known: ReadonlySet<string>,
): Refused | undefined {
  const payload = signedPayload(source, auth);
  const signed = (auth?.blocks ?? []).flatMap((block) =>
    block.kind === 'sign1' || block.kind === 'sign'
      ? block.signatures.map((signature) => ({ block, signature }))
      : [],
  );
  if (signed.length === 0) return no('unsigned', 'there is no signature among the authentication blocks');
  const usable = signed.filter(({ signature }) => coseAlgorithms.has(signature.algorithm ?? NaN));
  if (usable.length === 0) {
    const named = signed.map(({ signature }) => algorithmName(signature.algorithm)).join(', ');
    return no('algorithm', `signed with ${named}`);
  }
  const keys = classicKeys(trust);
  const { malleableSignatures: malleable } = trust.policy;
  const good = usable.some(({ block, signature }) => {
    if (!isDetached(block)) return false;
    const scheme = coseAlgorithms.get(signature.algorithm ?? NaN)?.scheme ?? { kind: 'named' };
    // Of several signers, the keys say which is trusted; a genuine envelope alone vouches for what they cannot check.
    const byHeart = keys.length === 0 || scheme.kind === 'named';
    if (byHeart && known.has(signatureMark(source, block, signature, payload, malleable))) return true;
    const message = sigStructure(source, block, signature, payload);
    const value = bytesOf(source, signature);
    return keys.some((key) => verifiesWith(key, scheme, message, value, malleable));
  });
  return good ? undefined : no('signature', `none of ${usable.length} signatures is good for a trusted key`);
}

/** SUIT has its payloads detached: one inside would be signed in place of the digest. */
function isDetached({ payload }: AuthBlock): boolean {
  return payload?.major === cborMajors.simple && payload.argument === 22n;
}

/** More than any signature has. */
const mostSignatureBytes = 65_536;

function bytesOf(source: ByteSource, { signature }: CoseSignature): Uint8Array {
  return source.read(signature.headEnd, Math.min(signature.end, signature.headEnd + mostSignatureBytes));
}

function signedPayload(source: ByteSource, auth: SuitImage['auth']): Uint8Array {
  const wrapper = auth?.digestWrapper;
  return wrapper === undefined ? Buffer.alloc(0) : source.read(wrapper.headEnd, wrapper.end);
}

/** What is signed and by which signature, as one string: what can be trusted without the maker's public key. */
function signatureMark(
  source: ByteSource,
  block: AuthBlock,
  signature: CoseSignature,
  payload: Uint8Array,
  malleable: Malleability,
): string {
  const message = sigStructure(source, block, signature, payload).toString('base64');
  const scheme = coseAlgorithms.get(signature.algorithm ?? NaN)?.scheme;
  const bytes = bytesOf(source, signature);
  const value = malleable === 'accept' ? canonicalEcdsa(bytes, scheme) : bytes;
  return `${message} ${Buffer.from(value).toString('base64')}`;
}

function signatureMarks(source: ByteSource, { auth }: SuitImage, malleable: Malleability): string[] {
  const payload = signedPayload(source, auth);
  return (auth?.blocks ?? []).flatMap((block) =>
    block.signatures.map((signature) => signatureMark(source, block, signature, payload, malleable)),
  );
}

function checkTrailing({ size, envelopeEnd }: SuitImage, { policy }: Trust): Refused | undefined {
  if (policy.appendedData !== 'refuse' || envelopeEnd === size) return undefined;
  return no('trailing', `${size - envelopeEnd} bytes behind the envelope`);
}

function checkManifest({ broken, manifest }: SuitImage): Refused | undefined {
  if (manifest?.version !== 1n) return no('version', `manifest version ${manifest?.version}, not 1`);
  return broken.manifest === undefined ? undefined : no('manifest', broken.manifest.message);
}

function checkSevered(source: ByteSource, { manifest, members }: SuitImage): Refused | undefined {
  for (const declared of manifest?.severed ?? []) {
    const { label, name, digest } = declared;
    // Text is for people: it may be severed for good, and a device need not look at it.
    if (!sequenceNames.has(label)) continue;
    const item = severedItem(source, members, declared);
    if (item === undefined) return no('severed-missing', `the ${name} sequence was severed`);
    if (!fitsWrapped(source, item, digest)) {
      return no('severed-digest', `the severed ${name} sequence does not fit its digest in the manifest`);
    }
  }
  return undefined;
}

function checkUndeclared({ members, manifest }: SuitImage, { policy }: Trust): Refused | undefined {
  if (policy.unsignedMetadata !== 'refuse') return undefined;
  const known = new Set<unknown>([2, 3, ...(manifest?.severed ?? []).map(({ label }) => label)]);
  const strange = members.find(({ key }) => typeof key !== 'string' && !known.has(key));
  return strange && no('undeclared-member', `the manifest knows nothing of envelope element ${strange.key}`);
}

function checkProgram({ program }: SuitImage): Refused | undefined {
  const [problem] = program.problems;
  return problem && no(problem.code, problem.detail);
}
