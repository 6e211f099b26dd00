/**
 * Our reference verifier of SUIT envelopes: it says *why* it refuses. It judges what a device must be able to tell from
 * the envelope alone; what depends on the device (its identifiers, its slots) it holds against genuine envelopes.
 *
 * Source: draft-ietf-suit-manifest-34, "Required Checks", "Severable Elements", "suit-condition-image-match".
 */

import type { ByteSource } from '../../byte-source.ts';
import type { ReferenceVerdict, Trust } from '../../trust.ts';
import { digestName } from './auth.ts';
import { checkAgainstGenuine } from './genuine.ts';
import { digestAlgorithms, envelopeKeys, sequenceNames } from './labels.ts';
import { fitsWrapped, parseSuit, severedItem, type SuitImage } from './parse.ts';
import { checkPayloads } from './payloads.ts';
import { signatureCheck } from './signatures.ts';

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
  const checkSignatures = signatureCheck(trust, genuine);
  return (source) => {
    const image = parseSuit(source);
    return (
      checkEnvelope(image) ??
      checkDigest(source, image) ??
      checkSignatures(source, image) ??
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
  const known = new Set<unknown>([
    ...Object.values(envelopeKeys),
    ...(manifest?.severed ?? []).map(({ label }) => label),
  ]);
  const strange = members.find(({ key }) => typeof key !== 'string' && !known.has(key));
  return strange && no('undeclared-member', `the manifest knows nothing of envelope element ${strange.key}`);
}

function checkProgram({ program }: SuitImage): Refused | undefined {
  const [problem] = program.problems;
  return problem && no(problem.code, problem.detail);
}
