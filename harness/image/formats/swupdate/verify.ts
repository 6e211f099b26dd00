/**
 * Our reference verifier of SWUpdate images: it says *why* it refuses. The byte sums of cpio protect against nobody and
 * are not checked; everything that is installed is bound by its SHA-256 in the signed description.
 *
 * Source: SWUpdate, doc/source/signed_images.rst; core/stream_interface.c; core/installer.c; core/parser.c;
 * corelib/swupdate_cms_verify.c, corelib/swupdate_rsa_verify.c.
 */

import { createHash } from 'node:crypto';
import { slice, type ByteSource } from '../../byte-source.ts';
import { genuineSignatureIds, signerCertificates, verifyCms, type CmsTrust } from '../../crypto/cms.ts';
import type { Purpose } from '../../crypto/chain.ts';
import { verifyDigest } from '../../crypto/verify-digest.ts';
import { digestOf } from '../../digest.ts';
import { classicKeys, type ReferenceVerdict, type Trust } from '../../trust.ts';
import {
  dataOf,
  entriesNamed,
  parseSwupdate,
  type Artifact,
  type Description,
  type SwupdateImage,
} from './parse.ts';
import { compareVersions } from './version.ts';

export type Refusal = Extract<ReferenceVerdict, { accepted: false }>;
const no = (reason: string, detail: string): Refusal => ({ accepted: false, reason, detail });

/** What is known of the images that are genuine. */
interface Known {
  signers: readonly Uint8Array[];
  /** Their subjects, DER as lower-case hex. */
  names: ReadonlySet<string>;
  cmsIds: readonly string[];
  bareIds: ReadonlySet<string>;
  versions: readonly string[];
  hardware: ReadonlySet<string>;
}

export function swupdateVerifier(trust: Trust): (source: ByteSource) => ReferenceVerdict {
  const known = knownOf(trust.genuine);
  return (source) => {
    const image = parseSwupdate(source);
    return (
      formProblem(image) ??
      signatureProblem(source, image, trust, known) ??
      descriptionProblem(image) ??
      artifactProblem(source, image) ??
      policyProblem(image, trust, known) ?? { accepted: true }
    );
  };
}

function knownOf(genuine: readonly ByteSource[]): Known {
  const images = genuine.map((source) => ({ source, image: parseSwupdate(source) }));
  const all = <Item>(of: (source: ByteSource, image: SwupdateImage) => readonly Item[]): Item[] =>
    images.flatMap(({ source, image }) => of(source, image));
  const signers = all((_, { cms }) =>
    cms === undefined ? [] : cms.signers.flatMap((signer) => signerCertificates(cms, signer)),
  );
  return {
    signers: signers.map(({ der }) => der),
    names: new Set(signers.map(({ subject }) => subject)),
    cmsIds: all((source, { cms, descriptionEntry }) =>
      cms === undefined || descriptionEntry === undefined
        ? []
        : genuineSignatureIds(source, cms, dataOf(source, descriptionEntry)),
    ),
    bareIds: new Set(all((source, image) => [bareId(source, image) ?? ''])),
    versions: all((_, { description }) => (description?.version === undefined ? [] : [description.version])),
    hardware: new Set(all((_, { description }) => description?.hardware ?? [])),
  };
}

function formProblem(image: SwupdateImage): Refusal | undefined {
  const { issues } = image;
  const truncated = issues.find(({ code }) => code === 'truncated');
  if (truncated !== undefined) return no('truncated', truncated.message);
  // A description that cannot be read is judged behind its signature.
  const issue = issues.find(({ code }) => code !== 'description');
  return issue === undefined ? undefined : no('format', issue.message);
}

function signatureProblem(
  source: ByteSource,
  image: SwupdateImage,
  trust: Trust,
  known: Known,
): Refusal | undefined {
  const { descriptionEntry, signatureEntry, cms } = image;
  if (descriptionEntry === undefined) return no('format', 'there is no description');
  if (signatureEntry === undefined) return no('unsigned', 'the second entry is no signature');
  if (signatureEntry.dataEnd === signatureEntry.dataStart) return no('unsigned', 'the signature is empty');
  if (cms === undefined) return bareProblem(source, image, trust, known);
  const content = slice(source, descriptionEntry.dataStart, descriptionEntry.dataEnd);
  const verdict = verifyCms(source, cms, content, cmsTrust(trust, known, 'emailProtection'));
  if (verdict.accepted) return undefined;
  if (verdict.reason !== 'purpose') return verdict;
  // Devices are built for one of the two; which, nobody declares.
  const other = verifyCms(source, cms, content, cmsTrust(trust, known, 'codeSigning'));
  if (other.accepted) return undefined;
  return other.reason === 'purpose' ? verdict : other;
}

function cmsTrust(trust: Trust, known: Known, purpose: Purpose): CmsTrust {
  return {
    keys: trust.keys,
    ...(trust.keys.length === 0 ? { genuineSigners: known.signers, genuineSignatures: known.cmsIds } : {}),
    ...(known.signers.length === 0 ? {} : { signerNames: known.names }),
    ...(trust.crls === undefined ? {} : { crls: trust.crls }),
    ...(trust.at === undefined ? {} : { at: trust.at }),
    policy: trust.policy,
    purpose,
  };
}

/** A bare RSA signature over SHA-256 of the description: PKCS #1 v1.5 or PSS, as the device is built. */
function bareProblem(
  source: ByteSource,
  image: SwupdateImage,
  trust: Trust,
  known: Known,
): Refusal | undefined {
  const { descriptionEntry, signatureEntry } = image;
  if (descriptionEntry === undefined || signatureEntry === undefined) return no('unsigned', 'no signature');
  if (trust.keys.length === 0) {
    const id = bareId(source, image);
    if (id !== undefined && known.bareIds.has(id)) return undefined;
    return no('signature', 'not the signature of an image that is known to be genuine');
  }
  const { dataStart, dataEnd } = signatureEntry;
  if (dataEnd - dataStart > 2048) return no('signature', `a signature of ${dataEnd - dataStart} bytes`);
  const signature = source.read(dataStart, dataEnd);
  const digest = digestOf(source, 'sha256', {
    start: descriptionEntry.dataStart,
    end: descriptionEntry.dataEnd,
  });
  const good = classicKeys(trust).some((key) =>
    (['rsa-pkcs1', 'rsa-pss'] as const).some(
      (type) => verifyDigest(key, { type, hash: 'sha256' }, digest, signature).good,
    ),
  );
  return good ? undefined : no('signature', `${signature.length} bytes that verify under no trusted key`);
}

/** Digest of the description and its bare signature, or undefined when there is none. */
function bareId(source: ByteSource, image: SwupdateImage): string | undefined {
  const { descriptionEntry, signatureEntry, cms } = image;
  if (descriptionEntry === undefined || signatureEntry === undefined || cms !== undefined) return undefined;
  if (signatureEntry.dataEnd === signatureEntry.dataStart) return undefined;
  return [descriptionEntry, signatureEntry]
    .map(({ dataStart, dataEnd }) =>
      digestOf(source, 'sha256', { start: dataStart, end: dataEnd }).toString('hex'),
    )
    .join(':');
}

function descriptionProblem({ issues, description }: SwupdateImage): Refusal | undefined {
  const [issue] = issues;
  if (issue === undefined && description !== undefined) return undefined;
  return no('description', issue?.message ?? 'there is no description');
}

function artifactProblem(source: ByteSource, image: SwupdateImage): Refusal | undefined {
  for (const artifact of image.description?.artifacts ?? []) {
    const problem = pathProblem(artifact) ?? digestProblem(source, image, artifact);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Names are of files beside each other: none leads up or begins at the root. */
function pathProblem({ filename }: Artifact): Refusal | undefined {
  const leadsAway = filename.startsWith('/') || filename.split('/').includes('..');
  return leadsAway ? no('path', `a file named ${filename}`) : undefined;
}

function digestProblem(
  source: ByteSource,
  image: SwupdateImage,
  { filename, sha256 }: Artifact,
): Refusal | undefined {
  if (sha256 === undefined) return no('no-digest', `${filename} has no sha256`);
  if (!/^[0-9a-fA-F]{64}$/.test(sha256) || /^0+$/.test(sha256)) {
    return no('no-digest', `the sha256 of ${filename} is ${sha256}`);
  }
  const entries = entriesNamed(image, filename);
  if (entries.length === 0) return no('missing-image', `${filename} is not in the archive`);
  for (const { dataStart, dataEnd } of entries) {
    const actual = digestOf(source, 'sha256', { start: dataStart, end: dataEnd }).toString('hex');
    if (actual !== sha256.toLowerCase()) {
      return no('image-digest', `${filename} should have ${sha256}, and has ${actual}`);
    }
  }
  return undefined;
}

function policyProblem(image: SwupdateImage, { policy }: Trust, known: Known): Refusal | undefined {
  const { description } = image;
  if (policy.lowerVersion === 'refuse' && description?.version !== undefined) {
    const { version } = description;
    const lower =
      known.versions.length > 0 && known.versions.every((other) => compareVersions(version, other) < 0);
    if (lower) return no('version', `${version} is lower than ${known.versions.join(' and ')}`);
  }
  if (policy.hardwareCompatibility === 'checked' && !compatible(description, known)) {
    return no('hardware', `for ${description?.hardware.join(', ')}, not ${[...known.hardware].join(', ')}`);
  }
  if (policy.appendedData === 'refuse' && image.imageEnd < image.size) {
    return no('appended', `${image.size - image.imageEnd} bytes behind the archive`);
  }
  return undefined;
}

function compatible(description: Description | undefined, { hardware }: Known): boolean {
  return hardware.size === 0 || description?.hardware.some((name) => hardware.has(name)) === true;
}

/** What would be installed: the description, and each file that it names as it is found last. */
export function executedDigest(source: ByteSource, image: SwupdateImage): string {
  const { descriptionEntry, description } = image;
  const parts = [
    descriptionEntry,
    ...(description?.artifacts ?? []).map(({ filename }) => entriesNamed(image, filename).at(-1)),
  ];
  const digests = parts.map((entry) =>
    entry === undefined
      ? 'none'
      : digestOf(source, 'sha256', { start: entry.dataStart, end: entry.dataEnd }).toString('hex'),
  );
  return createHash('sha256').update(digests.join('\n')).digest('hex');
}
