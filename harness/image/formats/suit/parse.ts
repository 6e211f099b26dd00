/**
 * The SUIT envelope: authentication, manifest, severed elements, integrated payloads.
 *
 * Source: draft-ietf-suit-manifest-34, "Envelope", "Severable Elements", "Integrated Payload Template".
 */

import type { ByteSource } from '../../byte-source.ts';
import { cborEntries, cborInt, cborMajors, cborText, type CborItem } from '../../codec/cbor.ts';
import { digestOf } from '../../digest.ts';
import { RegionTiler, type Coverage, type Issue, type ParsedImage, type Region } from '../../image.ts';
import { authMarks, readAuth, type SuitAuth, type SuitDigest } from './auth.ts';
import { digestAlgorithms, envelopeKeys, envelopeTag, otherSeverable, sequenceNames } from './labels.ts';
import { hashWithHead, shortestHead } from './hashing.ts';
import { manifestMarks, readManifest, type SeveredDigest, type SuitManifest } from './manifest.ts';
import { programOf, type Program } from './program.ts';
import { Reading, type Layer, type Mark } from './reading.ts';
import { readSequence, sequenceMarks, type Sequence } from './sequence.ts';

export interface EnvelopeMember {
  /** A number, the name of a payload, or undefined for a key of another kind. */
  key: number | string | undefined;
  keyItem: CborItem;
  value: CborItem;
}

export interface SuitImage extends ParsedImage {
  format: 'suit';
  /** Item at the top: the tag, or the map itself. */
  top: CborItem | undefined;
  envelope: CborItem | undefined;
  members: readonly EnvelopeMember[];
  auth: SuitAuth | undefined;
  /** Of several, the first that the digest fits. */
  manifest: SuitManifest | undefined;
  /** Severed command sequences that the manifest knows, by label. */
  severed: ReadonlyMap<number, Sequence>;
  program: Program;
  /** Byte strings that were opened. */
  wraps: readonly CborItem[];
  broken: Readonly<Partial<Record<Layer, Issue>>>;
  /** Where the envelope ends. */
  envelopeEnd: number;
}

/** Reads an envelope of whatever quality: what is wrong becomes an issue. Work is linear in the size. */
export function parseSuit(source: ByteSource): SuitImage {
  const reading = new Reading(source);
  const top = reading.scan('envelope', 0, source.size);
  const envelope = envelopeIn(reading, top);
  const members = cborEntries(envelope).map(({ key, value }) => readMember(source, key, value));
  const authWrapper = membersWith(members, envelopeKeys.auth)[0]?.value;
  const auth = authWrapper && readAuth(reading, authWrapper);
  if (authWrapper !== undefined) requireAuthFirst(reading, members);
  const wrapper = pickFitting(source, membersWith(members, envelopeKeys.manifest), auth?.digest);
  const manifest = wrapper && readManifest(reading, wrapper);
  if (envelope !== undefined && wrapper === undefined) {
    reading.issue('envelope', 'no-manifest', envelope.start, 'there is no manifest in the envelope');
  }
  const severed = new Map<number, Sequence>();
  for (const declared of manifest?.severed ?? []) {
    const item = severedItem(source, members, declared);
    if (item === undefined || !sequenceNames.has(declared.label) || severed.has(declared.label)) continue;
    const sequence = readSequence(reading, item, declared.name);
    if (sequence !== undefined) severed.set(declared.label, sequence);
  }
  const envelopeEnd = top?.end ?? 0;
  const program = programOf({ members, manifest, severed });
  const image = {
    top,
    envelope,
    members,
    auth,
    manifest,
    severed,
    program,
    wraps: reading.wraps,
    envelopeEnd,
  };
  return {
    format: 'suit',
    size: source.size,
    regions: tile(source.size, image),
    issues: reading.issues,
    broken: reading.broken,
    ...image,
  };
}

function envelopeIn(reading: Reading, top: CborItem | undefined): CborItem | undefined {
  if (top?.major !== cborMajors.tag) return reading.expect('envelope', top, cborMajors.map, 'the envelope');
  if (top.argument !== envelopeTag) {
    reading.issue('envelope', 'tag', top.start, `tag ${top.argument}, not ${envelopeTag}`);
  }
  return reading.expect('envelope', top.children[0], cborMajors.map, 'the envelope');
}

function readMember(source: ByteSource, keyItem: CborItem, value: CborItem): EnvelopeMember {
  const number = cborInt(keyItem);
  const key = number === undefined ? cborText(source, keyItem) : Number(number);
  return { key, keyItem, value };
}

export function membersWith(members: readonly EnvelopeMember[], key: number | string): EnvelopeMember[] {
  return members.filter((member) => member.key === key);
}

/** A pull parser meets the elements in order, and the signature must come before what it signs. */
function requireAuthFirst(reading: Reading, members: readonly EnvelopeMember[]): void {
  const auth = members.findIndex(({ key }) => key === envelopeKeys.auth);
  const manifest = members.findIndex(({ key }) => key === envelopeKeys.manifest);
  if (manifest < 0 || auth < manifest) return;
  const at = members[auth]?.keyItem.start ?? 0;
  reading.issue('envelope', 'auth-order', at, 'the authentication wrapper comes after the manifest', true);
}

/** At most so many elements of one key are tried. */
const mostTried = 4;

/** The value that a digest fits; the first when none does. */
function pickFitting(
  source: ByteSource,
  candidates: readonly EnvelopeMember[],
  digest: SuitDigest | undefined,
): CborItem | undefined {
  const values = candidates.slice(0, mostTried).map(({ value }) => value);
  if (values.length < 2 || digest === undefined) return values[0];
  return values.find((value) => fitsWrapped(source, value, digest)) ?? values[0];
}

/** The severed element that belongs to a digest in the manifest. */
export function severedItem(
  source: ByteSource,
  members: readonly EnvelopeMember[],
  { label, digest }: SeveredDigest,
): CborItem | undefined {
  return pickFitting(source, membersWith(members, label), digest);
}

/**
 * Whether a digest fits a byte string with its head. A head in a longer form counts like the shortest: a device may hash
 * what it received, or what it would have encoded.
 */
export function fitsWrapped(source: ByteSource, item: CborItem, digest: SuitDigest): boolean {
  const algorithm = digestAlgorithms.get(digest.algorithm);
  if (algorithm === undefined || item.major !== cborMajors.bytes || !item.complete) return false;
  if (digestOf(source, algorithm, item).equals(digest.bytes)) return true;
  const shortest = shortestHead(item);
  if (shortest === undefined) return false;
  return hashWithHead(source, algorithm, shortest, item).equals(digest.bytes);
}

type Parts = Omit<SuitImage, keyof ParsedImage | 'broken'>;

function tile(size: number, image: Parts): Region[] {
  const tiler = new RegionTiler(size);
  const { top, envelope } = image;
  if (top !== undefined && envelope !== undefined) {
    tiler.upTo(envelope.start, 'envelope.tag', 'unsigned');
    tiler.upTo(envelope.headEnd, 'envelope.head', 'unsigned');
    for (const member of image.members) {
      const mark = memberMark(image, member);
      tiler.upTo(member.value.start, `${mark.name}.key`, 'unsigned');
      put(tiler, mark, 'unsigned');
    }
    tiler.upTo(top.end, 'envelope.rest', 'unsigned');
  }
  tiler.rest(envelope === undefined ? 'unreadable' : 'trailing', 'trailing');
  return tiler.regions;
}

function put(tiler: RegionTiler, mark: Mark, inherited: Coverage): void {
  const coverage = mark.coverage ?? inherited;
  for (const inside of mark.inside ?? []) {
    tiler.upTo(inside.start, mark.name, coverage);
    put(tiler, inside, coverage);
  }
  tiler.upTo(mark.end, mark.name, coverage);
}

function memberMark({ auth, manifest, severed, program }: Parts, { key, value }: EnvelopeMember): Mark {
  const span = { start: value.start, end: value.end };
  if (auth?.wrapper === value) return authMarks(auth);
  if (manifest?.wrapper === value) return manifestMarks(manifest);
  if (typeof key === 'string') {
    const bound = program.matches.some(({ payloads }) => payloads.includes(key));
    const content = { start: value.headEnd, end: value.end, name: payloadRegion(key) };
    const coverage = bound ? 'signed' : 'unsigned';
    return { ...span, name: `${payloadRegion(key)}.head`, inside: [{ ...content, coverage }] };
  }
  const declared = manifest?.severed.some(({ label }) => label === key) === true;
  const coverage = declared ? 'signed' : 'unsigned';
  const known = key === undefined ? undefined : (sequenceNames.get(key) ?? otherSeverable.get(key));
  const name = known === undefined ? `element-${key}` : `severed.${known}`;
  const sequence = key === undefined ? undefined : severed.get(key);
  return sequence?.wrapper === value
    ? { ...sequenceMarks(sequence, name), coverage }
    : { ...span, name, coverage };
}

/** Name of the region of an integrated payload: `payload.#firmware`. */
export function payloadRegion(key: string): string {
  return `payload.${key.slice(0, 60).replace(/[^\w#.:/-]/g, '_')}`;
}
