/** What the attacks on SWUpdate images share. */

import { createHash } from 'node:crypto';
import { slice, type ByteSource } from '../../../byte-source.ts';
import { cpioFieldAt, cpioNumber, encodeCpioEntry, type CpioEntry } from '../../../codec/cpio.ts';
import { signerSubjects } from '../../../crypto/cms-cosign.ts';
import { signerCertificates } from '../../../crypto/cms.ts';
import type { SignerInput } from '../../../crypto/test-signers.ts';
import type { Certificate } from '../../../crypto/x509.ts';
import type { DoesNotApply, Expectation, Mutation, Plan, PlanInput } from '../../../mutation.ts';
import { overwrite, patched, PatchSet, type Patch } from '../../../patch-set.ts';
import type { Artifact, SwupdateImage } from '../parse.ts';
import { entriesNamed } from '../parse.ts';

export type SwupdateMutation = Mutation<SwupdateImage>;
export type SwupdateInput = PlanInput<SwupdateImage>;
export type SwupdatePlan = Plan | DoesNotApply;

export const mustReject: Expectation = { class: 'must-reject', latestStage: 'install' };
export const benign: Expectation = { class: 'benign-accept' };
export const noCrash: Expectation = { class: 'no-crash-only' };

export const signedImages = 'SWUpdate doc/source/signed_images.rst';
export const descriptionDoc = 'SWUpdate doc/source/sw-description.rst';
export const streamSource = 'SWUpdate core/stream_interface.c';

/** A mutation with what most of them have: anybody on the way, nothing needed, to be refused. */
export function attack(
  described: Pick<SwupdateMutation, 'id' | 'kind' | 'name' | 'rationale' | 'references' | 'plan'> &
    Partial<SwupdateMutation>,
): SwupdateMutation {
  return { attackerModel: 'network', needs: [], expectation: mustReject, ...described };
}

/** A plan from patches alone: it touches whatever regions they meet. */
export function planOf(
  { base, image }: SwupdateInput,
  patches: readonly Patch[],
  more: Omit<Plan, 'patches' | 'touches'> = {},
): Plan {
  const touched = image.regions.filter(({ start, end }) =>
    patches.some(({ at, remove }) =>
      remove === 0 ? at >= start && at < end : at < end && at + remove > start,
    ),
  );
  const behind = patches.some(({ at }) => at === base.size);
  const touches = [...touched.map(({ name }) => name), ...(behind ? ['end-of-file'] : [])];
  return { patches, touches, ...more };
}

/** The entry with other contents, its header and byte sum made to fit. */
export function replaceEntry(
  entry: CpioEntry,
  data: Uint8Array,
  more: { name?: string; magic?: CpioEntry['magic'] } = {},
): Patch {
  const bytes = copyOf(entry, data, more);
  return { at: entry.start, remove: entry.end - entry.start, insert: [{ kind: 'bytes', bytes }] };
}

/** A whole entry like another, with other contents. */
export function copyOf(
  entry: CpioEntry,
  data: Uint8Array,
  more: { name?: string; magic?: CpioEntry['magic'] } = {},
): Buffer {
  const { name = entry.name, magic = entry.magic } = more;
  const { ino, mode, uid, gid, nlink, mtime, devmajor, devminor } = entry.fields;
  return encodeCpioEntry(name, data, {
    magic,
    fields: { ino, mode, uid, gid, nlink, mtime, devmajor, devminor },
  });
}

/** Overwrites one number of an entry's header. */
export function setField(entry: CpioEntry, field: keyof CpioEntry['fields'], value: number): Patch {
  return overwrite(cpioFieldAt(entry, field), cpioNumber(value));
}

/** The byte sum after one byte changed: the rest need not be read. */
export function sumAfter(entry: CpioEntry, from: number, to: number): Patch {
  return setField(entry, 'check', (entry.fields.check + to - from + 0x1_0000_0000) % 0x1_0000_0000);
}

/** The first image that is there, named in the description, and not empty. */
export function firstImage(image: SwupdateImage): { artifact: Artifact; entry: CpioEntry } | DoesNotApply {
  for (const artifact of image.description?.artifacts ?? []) {
    const [entry] = entriesNamed(image, artifact.filename);
    if (entry !== undefined && entry.dataEnd > entry.dataStart) return { artifact, entry };
  }
  return { doesNotApply: 'the description names no image that is there' };
}

/** Text of the description; undefined without one. */
export function descriptionText({ base, image }: SwupdateInput): string | undefined {
  const entry = image.descriptionEntry;
  return entry && Buffer.from(base.read(entry.dataStart, entry.dataEnd)).toString('latin1');
}

/** The description with `[start, end)` (of the file) replaced. */
export function rewritten(
  input: SwupdateInput,
  changes: readonly { start: number; end: number; text: string }[],
): Buffer | undefined {
  const entry = input.image.descriptionEntry;
  if (entry === undefined) return undefined;
  const source = slice(input.base, entry.dataStart, entry.dataEnd);
  const set = new PatchSet(
    source.size,
    changes.map(({ start, end, text }) => ({
      at: start - entry.dataStart,
      remove: end - start,
      insert: [{ kind: 'bytes', bytes: Buffer.from(text, 'latin1') }],
    })),
  );
  const made = patched(source, set);
  return Buffer.from(made.read(0, made.size));
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The bytes of an entry's data. */
export function bytesIn(base: ByteSource, { dataStart, dataEnd }: CpioEntry): Buffer {
  return Buffer.from(base.read(dataStart, dataEnd));
}

/** The reason for which a description that nobody signed is refused: CMS tells the digest from the signature. */
export function unsignedReason({ cms }: SwupdateImage): string {
  return cms?.signers.every(({ signedAttributes }) => signedAttributes !== undefined) === true
    ? 'digest'
    : 'signature';
}

/** What signers are made from who have the names of the genuine ones. */
export function signersLike(input: SwupdateInput): SignerInput {
  const { base, image } = input;
  const { signatureEntry } = image;
  return {
    ...input,
    subjects: signatureEntry === undefined ? [] : signerSubjects(bytesIn(base, signatureEntry)),
  };
}

/** The first signer's own certificate, and the others that come with it; DER sorts a set, so that any may come first. */
export function certificatesOf({ image: { cms } }: SwupdateInput): {
  own: Certificate | undefined;
  others: readonly Certificate[];
} {
  const [signer] = cms?.signers ?? [];
  const own = cms === undefined || signer === undefined ? undefined : signerCertificates(cms, signer)[0];
  const all = cms?.certificates.flatMap(({ read }) => read ?? []) ?? [];
  return { own, others: all.filter((certificate) => certificate !== own) };
}
