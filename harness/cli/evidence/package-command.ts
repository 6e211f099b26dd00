/** `fieldproof package`: one file about a run, for somebody who was not there. */

import { createPublicKey } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makePackage, type PackageSummary } from '../../../reports/evidence/package.ts';
import { loadCatalogue, type Catalogue } from '../../catalogue/index.ts';
import { benchKeyPath, openBenchKey, type BenchKey } from '../../record/bench-key.ts';
import { EvidenceError } from '../../errors.ts';
import { readRun } from '../../record/read.ts';
import { modelOf } from '../../record/run-model.ts';
import { sealKeyFile } from '../../record/signed-seal.ts';
import { fingerprintOf, readSigner, type Signer } from '../../record/signing.ts';
import { exitCodes } from '../../verdict.ts';
import { catalogueDir, pathForPeople } from '../paths.ts';
import { loadReporting } from '../reporting.ts';
import { makeReports } from '../reports.ts';
import { runFolder } from '../named-files.ts';
import type { PackOptions } from './command.ts';
import { tellNewKey } from './key-command.ts';
import { packageParts } from './package-parts.ts';
import { loadVerifier } from './verifier.ts';

/**
 * @returns 0 when the package was written
 * @throws EvidenceError when the record is not as it was written, or the package cannot be made
 */
export async function packageCommand(run: string, options: PackOptions): Promise<number> {
  const runDir = runFolder(run);
  const model = modelOf(readRun(runDir).entries);
  const bench = openBenchKey(benchKeyPath(options.benchKey));
  if (options.json !== true) tellNewKey(bench);
  const people = options.sign.map((file) => readSigner(file, process.env['FIELDPROOF_KEY_PASSPHRASE']));
  const catalogue = await loadCatalogue(catalogueDir);
  tellOtherCatalogue(catalogue, model.header.catalogue);
  const reporting = await loadReporting(options, catalogue);
  const sealKey = sealKeyOf(runDir);
  if (model.root !== undefined && sealKey.length === 0) tellUnsigned();
  // What lies in the folder may be older than the record, or not from it: what is signed is made now, elsewhere.
  const reports = mkdtempSync(join(tmpdir(), 'fieldproof-package-'));
  const file = resolve(options.out ?? `${runDir}.fieldproof.tar`);
  let summary: PackageSummary;
  try {
    if (options.report) await makeReports(model, runDir, { into: reports, catalogue, reporting });
    summary = await makePackage(
      { runDir, model, catalogue },
      {
        file: `${file}.new`,
        makers: packageParts(reports),
        signers: [bench, ...people],
        redact: options.redact,
      },
    );
    await putInPlace(file, [bench.fingerprint, ...people.map(({ fingerprint }) => fingerprint), ...sealKey]);
  } finally {
    rmSync(reports, { recursive: true, force: true });
    rmSync(`${file}.new`, { force: true });
  }
  print({ ...summary, file }, { bench, people, sealKey }, options.json === true);
  return exitCodes.conforms;
}

/** Fingerprint of the key that signed the record's close, if any. */
function sealKeyOf(runDir: string): string[] {
  const file = join(runDir, sealKeyFile);
  return existsSync(file) ? [fingerprintOf(createPublicKey(readFileSync(file)))] : [];
}

function tellUnsigned(): void {
  process.stderr.write(
    'the record was closed without a signature: anybody could have written it anew, so verify ends with 2 at best\n',
  );
}

/**
 * No package leaves that its own verifier would refuse.
 *
 * @throws EvidenceError naming the problems; what was at this place before stays there
 */
async function putInPlace(file: string, keys: readonly string[]): Promise<void> {
  const { exitCode, problems } = (await loadVerifier()).verifyPackage(`${file}.new`, keys);
  if (exitCode === exitCodes.conforms || exitCode === exitCodes.undecided)
    return renameSync(`${file}.new`, file);
  const told = problems.map(({ code, where, message }) => `  ${code} ${where}: ${message}`);
  throw new EvidenceError('package-faulty', ['the package does not verify:', ...told].join('\n'), {
    hint: 'Check the run folder with `fieldproof report RUN`; if that finds nothing, please report this as a fault of Fieldproof.',
  });
}

/** Requirements of another catalogue would not be those that this run was about: the case statement leaves them out. */
function tellOtherCatalogue(catalogue: Catalogue, named: { version: string; sha256: string }): void {
  if (catalogue.sha256 === named.sha256) return;
  process.stderr.write(
    `the run is to catalogue ${named.version}, and this is ${catalogue.version} or an altered one: ` +
      'the package names no requirements. Pack with the version of Fieldproof that made the run.\n',
  );
}

interface Keys {
  bench: BenchKey;
  people: readonly Signer[];
  /** Of the record's close, where it is not the bench's of today. */
  sealKey: readonly string[];
}

function print(summary: PackageSummary, { bench, people, sealKey }: Keys, json: boolean): void {
  const { file, manifest } = summary;
  const withheld = manifest.files.filter((one) => one.withheld === true).map(({ path }) => path);
  if (json) {
    const about = { package: file, runId: manifest.runId, files: manifest.files.length, withheld };
    const keys = { benchKey: bench.fingerprint, publicKey: bench.publicPem };
    process.stdout.write(`${JSON.stringify({ ...about, ...keys, signedBy: summary.signedBy }, null, 2)}\n`);
    return;
  }
  const others = sealKey.filter((key) => key !== bench.fingerprint);
  const expected = [bench.fingerprint, ...others].map((key) => `--key ${key}`).join(' ');
  const lines = [
    `Package: ${pathForPeople(file)}, ${manifest.files.length - withheld.length} files`,
    ...(withheld.length === 0
      ? []
      : [`Withheld, with their digests in the manifest: ${withheld.length} files`]),
    `Signed by the bench key ${bench.fingerprint}`,
    ...people.map(({ fingerprint }) => `Signed by the key ${fingerprint}`),
    ...others.map((key) => `The record was closed with the key ${key}`),
    bench.publicPem.trimEnd(),
    'Tell the fingerprint to whoever verifies, by another way than the package:',
    `  fieldproof verify ${pathForPeople(file)} ${expected}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
