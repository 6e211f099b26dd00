/** A target as JSON, keys included: samples are made from fresh keys, and a finding must be shown again elsewhere. */

import { createPublicKey } from 'node:crypto';
import type { ImageFormat } from '../../format.ts';
import type { Policy } from '../../policy.ts';
import type { PublicKey, RawAlgorithm } from '../../trust.ts';
import type { Sample } from '../sample.ts';
import type { FormatStart } from './format-target.ts';
import type { FuzzInput } from './target.ts';

/** Bytes in base64, formats by their key. */
export interface StartRecord {
  samples: readonly SampleRecord[];
  seeds: readonly InputRecord[];
  examples: readonly InputRecord[];
  genuine: readonly { format: string; bytes: string }[];
}

interface InputRecord {
  bytes: string;
  judge: number;
}

interface SampleRecord {
  format: string;
  name: string;
  bytes: string;
  second?: string;
  keys: readonly KeyRecord[];
  crls?: readonly string[];
  policy?: Policy;
}

interface KeyRecord {
  name: string;
  /** DER SubjectPublicKeyInfo, or the raw key of the algorithm. */
  bytes: string;
  algorithm?: RawAlgorithm;
  certificate?: string;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));

export function startRecord({ samples, seeds, examples, genuine }: FormatStart): StartRecord {
  return {
    samples: samples.map(({ sample, key }) => sampleRecord(sample, key)),
    seeds: seeds.map(inputRecord),
    examples: examples.map(inputRecord),
    genuine: genuine.map(({ key, bytes }) => ({ format: key, bytes: base64(bytes) })),
  };
}

function inputRecord({ bytes, judge }: FuzzInput): InputRecord {
  return { bytes: base64(bytes), judge };
}

function inputOf({ bytes, judge }: InputRecord): FuzzInput {
  return { bytes: fromBase64(bytes), judge };
}

/**
 * @param formats by key
 * @throws Error for a format that is not there (any more)
 */
export function startOf(record: StartRecord, formats: ReadonlyMap<string, ImageFormat>): FormatStart {
  const named = (key: string): { key: string; format: ImageFormat } => {
    const format = formats.get(key);
    if (format === undefined) throw new Error(`no format is called ${key}`);
    return { key, format };
  };
  return {
    samples: record.samples.map((sample) => ({ ...named(sample.format), sample: sampleOf(sample) })),
    seeds: record.seeds.map(inputOf),
    examples: record.examples.map(inputOf),
    genuine: record.genuine.map(({ format, bytes }) => ({ ...named(format), bytes: fromBase64(bytes) })),
  };
}

function sampleRecord(sample: Sample, format: string): SampleRecord {
  const { name, bytes, second, keys, crls, policy } = sample;
  return {
    format,
    name,
    bytes: base64(bytes),
    ...(second === undefined ? {} : { second: base64(second) }),
    keys: keys.map(keyRecord),
    ...(crls === undefined ? {} : { crls: crls.map(base64) }),
    ...(policy === undefined ? {} : { policy }),
  };
}

function keyRecord(key: PublicKey): KeyRecord {
  const certificate = key.certificate === undefined ? {} : { certificate: base64(key.certificate) };
  if (key.kind === 'raw') {
    return { name: key.name, bytes: base64(key.bytes), algorithm: key.algorithm, ...certificate };
  }
  return { name: key.name, bytes: base64(key.key.export({ type: 'spki', format: 'der' })), ...certificate };
}

/** The private key stays behind: it makes attacks, and a finding has its attack. */
function sampleOf(record: SampleRecord): Sample {
  const { name, bytes, second, keys, crls, policy } = record;
  return {
    name,
    bytes: fromBase64(bytes),
    ...(second === undefined ? {} : { second: fromBase64(second) }),
    keys: keys.map(publicKeyOf),
    ...(crls === undefined ? {} : { crls: crls.map(fromBase64) }),
    ...(policy === undefined ? {} : { policy }),
  };
}

function publicKeyOf({ name, bytes, algorithm, certificate }: KeyRecord): PublicKey {
  const rest = { name, ...(certificate === undefined ? {} : { certificate: fromBase64(certificate) }) };
  if (algorithm === undefined) {
    const key = createPublicKey({ key: Buffer.from(bytes, 'base64'), format: 'der', type: 'spki' });
    return { kind: 'classic', key, ...rest };
  }
  return { kind: 'raw', algorithm, bytes: fromBase64(bytes), ...rest };
}
