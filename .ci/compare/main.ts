/**
 * Holds our expectations against verifiers that nobody here wrote: images made by the formats' own tools, every attack on
 * them, and what the real verifier says of each. Every disagreement has its explanation in disagreements/, or fails.
 *
 *   npm run compare -- [tool …]      all tools that are installed
 *   --require-all                    a missing one is a failure
 *   --packages                       prints the Debian packages that hold them
 */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { fileSource, pieces, type ByteSource } from '../../harness/image/byte-source.ts';
import { eachAttack } from '../../harness/image/generate.ts';
import type { Expectation } from '../../harness/image/mutation.ts';
import { formatOf } from '../../harness/image/recognise.ts';
import type { Outcome, RealImage, RealVerifier } from './real-verifier.ts';

/** Why the real verifier does otherwise than we expect of a device. */
interface Disagreement {
  attack: string;
  /** Name of the genuine image; all of the tool's when absent. */
  image?: string;
  verdict: Outcome['verdict'];
  why: string;
  source: string;
}

interface Tally {
  compared: number;
  explained: number;
  failures: string[];
}

const here = import.meta.dirname;
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const requireAll = process.argv.includes('--require-all');

async function verifiers(): Promise<RealVerifier[]> {
  const found: RealVerifier[] = [];
  for (const file of readdirSync(join(here, 'tools')).sort()) {
    const { verifier } = (await import(join(here, 'tools', file))) as { verifier: RealVerifier };
    if (wanted.length === 0 || wanted.includes(verifier.name)) found.push(verifier);
  }
  return found;
}

async function main(): Promise<void> {
  const tally: Tally = { compared: 0, explained: 0, failures: [] };
  for (const verifier of await verifiers()) {
    const version = verifier.version();
    if (version === undefined) {
      const message = `${verifier.name} is not installed (Debian: ${verifier.packages.join(' ')})`;
      if (requireAll && verifier.built !== true) tally.failures.push(message);
      else console.log(`NOT COMPARED: ${message}`);
      continue;
    }
    await compareTool(verifier, version, tally);
  }
  for (const failure of tally.failures) console.log(`FAIL ${failure}`);
  const { compared, explained, failures } = tally;
  console.log(`${compared} compared, ${explained} disagreements explained, ${failures.length} failures`);
  process.exitCode = failures.length === 0 && compared > 0 ? 0 : 1;
}

async function compareTool(verifier: RealVerifier, version: string, tally: Tally): Promise<void> {
  console.log(`${verifier.name} ${version}`);
  const folder = mkdtempSync(join(tmpdir(), 'fieldproof-compare-'));
  const explanations = disagreementsOf(verifier.name);
  const used = new Set<Disagreement>();
  try {
    const images = join(folder, 'images');
    mkdirSync(images);
    for (const image of await verifier.images(images)) {
      await compareImage(verifier, image, { folder, explanations, used, tally });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const { attack, image } of explanations.filter((explanation) => !used.has(explanation))) {
    tally.failures.push(
      `${verifier.name}: ${attack} (${image ?? 'any image'}) is explained, and did not happen`,
    );
  }
}

function disagreementsOf(tool: string): Disagreement[] {
  const path = join(here, 'disagreements', `${tool}.yaml`);
  return existsSync(path) ? ((parse(readFileSync(path, 'utf8')) as Disagreement[] | null) ?? []) : [];
}

async function compareImage(
  verifier: RealVerifier,
  image: RealImage,
  {
    folder,
    explanations,
    used,
    tally,
  }: { folder: string; explanations: readonly Disagreement[]; used: Set<Disagreement>; tally: Tally },
): Promise<void> {
  const { failures } = tally;
  const golden = fileSource(image.path);
  const second = image.secondPath === undefined ? undefined : fileSource(image.secondPath);
  try {
    const format = image.format ?? formatOf(golden);
    if (format === undefined) return void failures.push(`${image.name}: not recognised`);
    const { issues } = format.parse(golden);
    for (const { message } of issues) failures.push(`${image.name}, genuine: ${message}`);
    const genuine = await image.ask(image.path);
    if (genuine.verdict !== 'accepts') {
      return void failures.push(
        `${image.name}: ${verifier.name} ${genuine.verdict} the genuine image: ${genuine.log}`,
      );
    }
    const before = { ...tally };
    const counts = { accepts: 0, refuses: 0, crashes: 0 };
    for (const made of eachAttack(
      { name: 'golden.bin', source: golden },
      {
        seed: Buffer.alloc(32, 1),
        format,
        trustedKeys: image.keys,
        policy: image.policy,
        ...(second === undefined ? {} : { second: { name: 'older.bin', source: second } }),
        ...(image.testKey === undefined ? {} : { testKey: image.testKey }),
      },
    )) {
      if ('notApplicable' in made) continue;
      const path = join(folder, 'attack.bin');
      writeSource(path, made.source);
      const outcome = await image.ask(path);
      tally.compared += 1;
      counts[outcome.verdict] += 1;
      if (agrees(made.expectation, outcome.verdict)) continue;
      const { id } = made.mutation;
      const explanation = explanations.find(
        (candidate) =>
          candidate.attack === id &&
          candidate.verdict === outcome.verdict &&
          (candidate.image === undefined || candidate.image === image.name),
      );
      if (explanation !== undefined) {
        used.add(explanation);
        tally.explained += 1;
        continue;
      }
      const expected = JSON.stringify(made.expectation);
      failures.push(
        `${image.name}: ${id}: we expect ${expected}, ${verifier.name} ${outcome.verdict}\n    ${outcome.log.trim().slice(-600).replaceAll('\n', '\n    ')}`,
      );
    }
    const compared = tally.compared - before.compared;
    console.log(
      `  ${image.name}: ${compared} attacks, ${counts.refuses} refused, ${counts.accepts} accepted, ${counts.crashes} crashes, ${tally.explained - before.explained} explained`,
    );
  } finally {
    golden.close();
    second?.close();
  }
}

/** Whether a conforming device may do what the verifier did. */
function agrees(expectation: Expectation, verdict: Outcome['verdict']): boolean {
  if (verdict === 'crashes') return false;
  switch (expectation.class) {
    case 'must-accept':
      return verdict === 'accepts';
    case 'must-reject':
      return verdict === 'refuses';
    case 'benign-accept':
    case 'policy':
    case 'no-crash-only':
      return true;
  }
}

function writeSource(path: string, source: ByteSource): void {
  const fd = openSync(path, 'w');
  try {
    for (const piece of pieces(source)) writeSync(fd, piece);
  } finally {
    closeSync(fd);
  }
}

if (process.argv.includes('--packages')) {
  const packages = new Set((await verifiers()).flatMap((verifier) => verifier.packages));
  console.log([...packages].sort().join(' '));
} else await main();
