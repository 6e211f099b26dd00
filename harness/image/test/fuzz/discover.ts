/** Every target there is, found by looking into the folders: a new format or codec is fuzzed without a list. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bytesSource } from '../../byte-source.ts';
import type { ImageFormat } from '../../format.ts';
import type { Sample } from '../sample.ts';
import { formatTarget, startFrom, type JudgedSample } from './format-target.ts';
import { startOf, type StartRecord } from './records.ts';
import { declaredTarget, type DeclaredTarget, type FuzzTarget } from './target.ts';

const imageFolder = join(import.meta.dirname, '..', '..');
const formatsFolder = join(imageFolder, 'formats');

/** A sample may bring its format along, where a folder has a format for each layout. */
type FormatSample = Sample & { format?: ImageFormat };

/** A target by name, made when it is wanted: making samples takes time. */
export interface Discovered {
  name: string;
  /** @param attacks whether the attacks on its samples are made as examples, which takes time */
  make(attacks?: boolean): Promise<FuzzTarget>;
  /** The target as it was, from its record. */
  again(record: unknown): Promise<FuzzTarget>;
}

/** Folders under formats/ that have samples, and whatever a `targets.ts` in the image engine declares. */
export async function discoverTargets(): Promise<Discovered[]> {
  const formats = readdirSync(formatsFolder)
    .filter((name) => existsSync(samplesFile(name)))
    .map((name) => ({
      name,
      make: async (attacks = false) => formatTarget(name, startFrom(await judgedSamples(name), attacks)),
      again: async (record: unknown) => {
        const formats = (await judgedSamples(name)).map(({ key, format }) => [key, format] as const);
        return formatTarget(name, startOf(record as StartRecord, new Map(formats)));
      },
    }));
  const declared = await Promise.all(declaringFiles(imageFolder).map(declaredTargets));
  return [...formats, ...declared.flat()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function samplesFile(format: string): string {
  return join(formatsFolder, format, 'test', 'samples.ts');
}

async function exportsOf(file: string): Promise<[string, unknown][]> {
  return Object.entries((await import(pathToFileURL(file).href)) as object);
}

/** The samples of a folder, each with its format. */
export async function judgedSamples(folder: string): Promise<JudgedSample[]> {
  const exported = await exportsOf(samplesFile(folder));
  const ofFolder = await exportsOf(join(formatsFolder, folder, 'index.ts'));
  const formats = ofFolder.map(([, value]) => value).filter(isFormat);
  const judged: JudgedSample[] = [];
  for (const [name, value] of exported) {
    if (name.endsWith('Samples') && typeof value === 'function') {
      for (const sample of await (value as MakeSamples)()) {
        const format = sample.format ?? formatFor(sample, formats);
        if (format === undefined) throw new Error(`${folder}: no format is exported for ${sample.name}`);
        judged.push({ key: format.name, format, sample });
      }
    }
    if (name.endsWith('Sets') && Array.isArray(value)) {
      judged.push(...(await samplesOfSets(value as SampleSet[], ofFolder)));
    }
  }
  if (judged.length === 0) throw new Error(`${folder}/test/samples.ts exports no samples`);
  return judged;
}

type MakeSamples = () => Promise<readonly FormatSample[]> | readonly FormatSample[];

/** Samples of one layout, where a folder makes a format from a layout. */
interface SampleSet {
  name: string;
  layout: unknown;
  samples: MakeSamples;
}

async function samplesOfSets(
  sets: readonly SampleSet[],
  ofFolder: readonly (readonly [string, unknown])[],
): Promise<JudgedSample[]> {
  const [, make] =
    ofFolder.find(([name, value]) => name.endsWith('Format') && typeof value === 'function') ?? [];
  const judged: JudgedSample[] = [];
  for (const { name, layout, samples } of sets) {
    const format = (make as (layout: unknown) => ImageFormat)(layout);
    for (const sample of await samples()) judged.push({ key: name, format, sample });
  }
  return judged;
}

function isFormat(value: unknown): value is ImageFormat {
  return (
    typeof value === 'object' &&
    value !== null &&
    'claims' in value &&
    'parse' in value &&
    'mutations' in value
  );
}

function formatFor(sample: Sample, formats: readonly ImageFormat[]): ImageFormat | undefined {
  const source = bytesSource(sample.bytes);
  return formats.length === 1
    ? formats[0]
    : formats.find((format) => format.claims(source)?.certainty === 'certain');
}

function declaringFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return declaringFiles(path);
    return entry.name === 'targets.ts' ? [path] : [];
  });
}

async function declaredTargets(file: string): Promise<Discovered[]> {
  const found = (await exportsOf(file)).find(([name]) => name === 'fuzzTargets');
  const targets = (found?.[1] ?? []) as readonly DeclaredTarget[];
  return targets.map((target) => {
    const make = (): Promise<FuzzTarget> => declaredTarget(target);
    return { name: target.name, make, again: make };
  });
}
