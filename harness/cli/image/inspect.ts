/** `fieldproof image inspect`: everything that can be said of an image without running it. */

import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { EvidenceError } from '../../errors.ts';
import { exitCodes } from '../../verdict.ts';
import { sha256Hex } from '../../image/digest.ts';
import type { ImageFacts, ImageFormat } from '../../image/format.ts';
import type { Coverage, ParsedImage } from '../../image/image.ts';
import { layoutSvg } from '../../image/picture.ts';
import { opaque, splitDetached } from '../../image/index.ts';
import type { PublicKey, ReferenceVerdict } from '../../image/trust.ts';
import { pathForPeople } from '../paths.ts';
import type { InspectOptions } from './command.ts';
import { chooseFormat, openImage, readCrls, readKeys, type ImageFile } from './inputs.ts';
import { inspectionText, unknownText } from './inspect-text.ts';

/** What is said of an image; `--json` prints it as it is. */
export interface Inspection {
  schema: 'fieldproof-image/1';
  file: string;
  bytes: number;
  sha256: string;
  format: { name: string; title: string };
  /** What speaks against this format; null when nothing does. */
  doubt: string | null;
  /** How it was found, when not by its content. */
  how: string | null;
  facts: Omit<ImageFacts, 'counter'> & { counter: string | null };
  verification: Verification;
  /** Bytes by coverage. */
  coverage: Readonly<Record<Coverage, number>>;
  regions: ParsedImage['regions'];
  issues: ParsedImage['issues'];
}

/** `asked` false: without a key, digests were checked, and signatures not. */
export type Verification = ReferenceVerdict & { asked: boolean; keys: readonly string[] };

/** Exit code: 0 sound, 1 does not verify, 2 damaged or of no known format. */
export async function inspectImage(path: string, options: InspectOptions): Promise<number> {
  const file = openImage(path, options.signature);
  try {
    const keys = readKeys(options.key);
    const chosen = await chooseFormat(file, keys, options);
    if (chosen.format === undefined) return unknown(file, chosen.why, options);
    const { format, doubt, how } = chosen;
    const image = format.parse(file.source);
    const inspection = inspect(file, { format, image, keys, options, doubt, how });
    if (options.svg !== undefined) writePicture(options.svg, file, format, image, inspection.verification);
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify(inspection, null, 2)}\n`
        : inspectionText(inspection, options),
    );
    return exitCodeOf(inspection);
  } finally {
    file.close();
  }
}

function exitCodeOf({ verification, issues, doubt }: Inspection): number {
  if (issues.length > 0 || doubt !== null) return exitCodes.undecided;
  return verification.accepted ? exitCodes.conforms : exitCodes.violates;
}

interface Inspecting {
  format: ImageFormat;
  image: ParsedImage;
  keys: readonly PublicKey[];
  options: InspectOptions;
  doubt: string | undefined;
  how: string | undefined;
}

function inspect(
  { source, path }: ImageFile,
  { format, image, keys, options, doubt, how }: Inspecting,
): Inspection {
  const { counter, ...facts } = format.facts(source, image);
  const asked = keys.length > 0 && format !== opaque;
  const trust = { keys, crls: readCrls(options.crl), genuine: asked ? [] : [source], policy: {} };
  const coverage: Record<Coverage, number> = { signed: 0, unsigned: 0, signature: 0, trailing: 0 };
  for (const region of image.regions) coverage[region.coverage] += region.end - region.start;
  const payload = splitDetached(source)?.payload ?? source;
  return {
    schema: 'fieldproof-image/1',
    file: pathForPeople(path),
    bytes: payload.size,
    sha256: sha256Hex(payload),
    format: { name: format.name, title: format.title },
    doubt: doubt ?? null,
    how: how ?? null,
    facts: { ...facts, counter: counter === undefined ? null : counter.toString() },
    verification: {
      ...format.verifier(trust)(source),
      asked,
      keys: keys.map(({ name }) => name),
    },
    coverage,
    regions: image.regions,
    issues: image.issues,
  };
}

function unknown({ source, path }: ImageFile, why: string, { json }: InspectOptions): number {
  const facts = {
    file: pathForPeople(path),
    bytes: source.size,
    sha256: sha256Hex(source),
    format: null,
    why,
  };
  const first = Buffer.from(source.read(0, 16));
  process.stdout.write(
    json === true
      ? `${JSON.stringify({ schema: 'fieldproof-image/1', ...facts }, null, 2)}\n`
      : unknownText({ ...facts, first }),
  );
  return exitCodes.undecided;
}

function writePicture(
  path: string,
  file: ImageFile,
  format: ImageFormat,
  image: ParsedImage,
  verdict: Verification,
): void {
  const facts = format.facts(file.source, image);
  const title = `${basename(file.path)}: ${format.title}`;
  try {
    writeFileSync(path, layoutSvg({ title, image, facts, ...(verdict.asked ? { verdict } : {}) }));
  } catch (cause) {
    throw new EvidenceError('not-written', `cannot write the picture ${path}`, { cause });
  }
  process.stderr.write(`picture: ${pathForPeople(path)}\n`);
}
