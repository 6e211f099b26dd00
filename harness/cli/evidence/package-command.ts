/** `fieldproof package`: one file about a run, for somebody who was not there. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makePackage, type PackageSummary } from '../../../reports/evidence/package.ts';
import { loadCatalogue, type Catalogue } from '../../catalogue/index.ts';
import { benchKeyPath, openBenchKey, type BenchKey } from '../../record/bench-key.ts';
import { readRun } from '../../record/read.ts';
import { modelOf } from '../../record/run-model.ts';
import { readSigner, type Signer } from '../../record/signing.ts';
import { exitCodes } from '../../verdict.ts';
import { catalogueDir, pathForPeople } from '../paths.ts';
import { loadReporting } from '../reporting.ts';
import { makeReports } from '../reports.ts';
import type { PackOptions } from './command.ts';
import { tellNewKey } from './key-command.ts';
import { packageParts } from './package-parts.ts';

/**
 * @returns 0 when the package was written
 * @throws EvidenceError when the record is not as it was written, or the package cannot be made
 */
export async function packageCommand(run: string, options: PackOptions): Promise<number> {
  const runDir = resolve(run);
  const model = modelOf(readRun(runDir).entries);
  const bench = openBenchKey(benchKeyPath(options.benchKey));
  if (options.json !== true) tellNewKey(bench);
  const people = options.sign.map((file) => readSigner(file, process.env['FIELDPROOF_KEY_PASSPHRASE']));
  const catalogue = await loadCatalogue(catalogueDir);
  tellOtherCatalogue(catalogue, model.header.catalogue);
  const reporting = await loadReporting(options, catalogue);
  // What lies in the folder may be older than the record, or not from it: what is signed is made now, elsewhere.
  const reports = mkdtempSync(join(tmpdir(), 'fieldproof-package-'));
  let summary: PackageSummary;
  try {
    if (options.report) await makeReports(model, runDir, { into: reports, catalogue, reporting });
    summary = await makePackage(
      { runDir, model, catalogue },
      {
        file: resolve(options.out ?? `${runDir}.fieldproof.tar`),
        makers: packageParts(reports),
        signers: [bench, ...people],
        redact: options.redact,
      },
    );
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  print(summary, bench, people, options.json === true);
  return exitCodes.conforms;
}

/** Requirements of another catalogue would not be those that this run was about: the case statement leaves them out. */
function tellOtherCatalogue(catalogue: Catalogue, named: { version: string; sha256: string }): void {
  if (catalogue.sha256 === named.sha256) return;
  process.stderr.write(
    `the run is to catalogue ${named.version}, and this is ${catalogue.version} or an altered one: ` +
      'the package names no requirements. Pack with the version of Fieldproof that made the run.\n',
  );
}

function print(summary: PackageSummary, bench: BenchKey, people: readonly Signer[], json: boolean): void {
  const { file, manifest } = summary;
  const withheld = manifest.files.filter((one) => one.withheld === true).map(({ path }) => path);
  if (json) {
    const about = { package: file, runId: manifest.runId, files: manifest.files.length, withheld };
    const keys = { benchKey: bench.fingerprint, publicKey: bench.publicPem };
    process.stdout.write(`${JSON.stringify({ ...about, ...keys, signedBy: summary.signedBy }, null, 2)}\n`);
    return;
  }
  const lines = [
    `Package: ${pathForPeople(file)}, ${manifest.files.length - withheld.length} files`,
    ...(withheld.length === 0
      ? []
      : [`Withheld, with their digests in the manifest: ${withheld.length} files`]),
    `Signed by the bench key ${bench.fingerprint}`,
    ...people.map(({ fingerprint }) => `Signed by the key ${fingerprint}`),
    bench.publicPem.trimEnd(),
    'Tell the fingerprint to whoever verifies, by another way than the package:',
    `  fieldproof verify ${pathForPeople(file)} --key ${bench.fingerprint}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
