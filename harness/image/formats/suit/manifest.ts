/**
 * The manifest: numbers, components, command sequences, and digests of what was severed.
 *
 * Source: draft-ietf-suit-manifest-34, "Manifest", "Integrity Check Values".
 */

import { cborBytes, cborEntries, cborInt, cborMajors, cborText, type CborItem } from '../../codec/cbor.ts';
import { readDigest, type SuitDigest } from './auth.ts';
import { commonKeys, manifestKeys, otherSeverable, sequenceNames } from './labels.ts';
import { readSequence, sequenceMarks, type Sequence } from './sequence.ts';
import type { Mark, Reading } from './reading.ts';

export interface ManifestField {
  label: number;
  key: CborItem;
  value: CborItem;
}

/** An element that was moved to the envelope, with the digest that stays behind. */
export interface SeveredDigest {
  label: number;
  name: string;
  digest: SuitDigest;
}

export interface SuitManifest {
  wrapper: CborItem;
  map: CborItem;
  fields: readonly ManifestField[];
  version: bigint | undefined;
  sequenceNumber: bigint | undefined;
  referenceUri: string | undefined;
  /** Identifiers of the components: their parts. */
  components: readonly Buffer[][];
  componentsItem: CborItem | undefined;
  shared: Sequence | undefined;
  /** Sequences inside the manifest, by label. */
  sequences: ReadonlyMap<number, Sequence>;
  severed: readonly SeveredDigest[];
}

export function readManifest(reading: Reading, wrapper: CborItem): SuitManifest | undefined {
  const item = reading.open('manifest', wrapper, 'the manifest');
  const map = reading.expect('manifest', item, cborMajors.map, 'the manifest');
  if (map === undefined) return undefined;
  const fields = cborEntries(map).map(({ key, value }) => ({
    label: Number(cborInt(key) ?? NaN),
    key,
    value,
  }));
  const field = (label: number): CborItem | undefined => fields.find((one) => one.label === label)?.value;
  requireOnce(reading, fields);
  const common = readCommon(reading, field(manifestKeys.common));
  const sequences = new Map<number, Sequence>();
  const severed: SeveredDigest[] = [];
  for (const { label, value } of fields) {
    const name = sequenceNames.get(label) ?? otherSeverable.get(label);
    if (name === undefined) continue;
    if (value.major === cborMajors.array) {
      const digest = readDigest(reading, 'manifest', value);
      if (digest !== undefined) severed.push({ label, name, digest });
    } else if (sequenceNames.has(label)) {
      const sequence = readSequence(reading, value, name);
      if (sequence !== undefined) sequences.set(label, sequence);
    }
  }
  return {
    wrapper,
    map,
    fields,
    version: cborInt(field(manifestKeys.version)),
    sequenceNumber: unsigned(reading, field(manifestKeys.sequenceNumber)),
    referenceUri: cborText(reading.source, field(manifestKeys.referenceUri)),
    ...common,
    sequences,
    severed,
  };
}

/** In the manifest, an element that is there twice is read by one and ignored by another. */
function requireOnce(reading: Reading, fields: readonly ManifestField[]): void {
  const seen = new Set<number>();
  for (const { label, key } of fields) {
    if (seen.has(label))
      reading.issue('manifest', 'manifest-twice', key.start, `element ${label} is there twice`);
    seen.add(label);
  }
}

function unsigned(reading: Reading, item: CborItem | undefined): bigint | undefined {
  if (item?.major === cborMajors.uint) return item.argument;
  const at = item?.start ?? 0;
  reading.issue(
    'manifest',
    'sequence-number',
    at,
    'there is no sequence number, or it is no unsigned number',
  );
  return undefined;
}

function readCommon(
  reading: Reading,
  wrapper: CborItem | undefined,
): Pick<SuitManifest, 'components' | 'componentsItem' | 'shared'> {
  if (wrapper === undefined) reading.issue('manifest', 'no-common', 0, 'there is no common part');
  const item = reading.open('manifest', wrapper, 'the common part');
  const map = reading.expect('manifest', item, cborMajors.map, 'the common part');
  const find = (label: number): CborItem | undefined =>
    cborEntries(map).find(({ key }) => cborInt(key) === BigInt(label))?.value;
  const componentsItem = find(commonKeys.components);
  const sharedItem = find(commonKeys.shared);
  const components = (componentsItem?.children ?? []).map(({ children }) =>
    children.map((part) => cborBytes(reading.source, part, 256) ?? Buffer.alloc(0)),
  );
  const shared = sharedItem && readSequence(reading, sharedItem, 'shared');
  return { components, componentsItem, shared };
}

const fieldNames = new Map<number, string>([
  [manifestKeys.version, 'version'],
  [manifestKeys.sequenceNumber, 'sequence-number'],
  [manifestKeys.common, 'common'],
  [manifestKeys.referenceUri, 'reference-uri'],
  [manifestKeys.componentId, 'component-id'],
]);

/** Regions of the manifest, from the head of its byte string on, which the digest covers too. */
export function manifestMarks(manifest: SuitManifest): Mark {
  const { wrapper, componentsItem, shared } = manifest;
  const inside = manifest.fields.map(({ label, value }): Mark => {
    const severed = manifest.severed.find((one) => one.label === label);
    const known = fieldNames.get(label) ?? sequenceNames.get(label) ?? otherSeverable.get(label);
    const name = `manifest.${known ?? `element-${label}`}${severed === undefined ? '' : '.digest'}`;
    const sequence = manifest.sequences.get(label);
    if (sequence?.wrapper === value) return sequenceMarks(sequence, name);
    return {
      start: value.start,
      end: value.end,
      name,
      inside: label === manifestKeys.common ? common() : [],
    };
  });
  const head = { start: wrapper.start, end: wrapper.headEnd, name: 'manifest.head' };
  return {
    start: wrapper.start,
    end: wrapper.end,
    name: 'manifest',
    coverage: 'signed',
    inside: [head, ...inside],
  };

  function common(): Mark[] {
    const marks: Mark[] = [];
    if (componentsItem !== undefined) {
      marks.push({ start: componentsItem.start, end: componentsItem.end, name: 'manifest.components' });
    }
    if (shared !== undefined) marks.push(sequenceMarks(shared, 'manifest.shared'));
    return marks.sort((a, b) => a.start - b.start);
  }
}
