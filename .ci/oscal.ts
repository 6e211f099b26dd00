/**
 * Validates our OSCAL against NIST's JSON Schemas, which are not part of the project.
 *
 *   npm run oscal -- FOLDER-OF-SCHEMAS [RUN …]
 *
 * Checked are a made-up run with every verdict in it and the runs that are named, each also as if no case had begun.
 * Where the folder is not there it says so, and ends well.
 */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { loadCatalogue } from '../harness/catalogue/index.ts';
import { catalogueDir } from '../harness/cli/paths.ts';
import { writeMadeUpRun } from '../harness/record/made-up-run.ts';
import { readRun } from '../harness/record/read.ts';
import { modelOf } from '../harness/record/run-model.ts';
import { oscalParts } from '../reports/evidence/oscal/index.ts';

const [schemas, ...runs] = process.argv.slice(2);

function schemaFor(folder: string, document: string): object {
  return JSON.parse(readFileSync(join(folder, `oscal_${document}_schema.json`), 'utf8')) as object;
}

/** Folders of runs: each that is named, or those in it. */
function runFolders(named: readonly string[]): string[] {
  return named.flatMap((folder) =>
    existsSync(join(folder, 'record.jsonl'))
      ? [folder]
      : readdirSync(folder)
          .map((name) => join(folder, name))
          .filter((inside) => existsSync(join(inside, 'record.jsonl'))),
  );
}

async function validate(folder: string, runDirs: readonly string[]): Promise<number> {
  // The schemas use Unicode property escapes, and keywords of their own.
  const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: true });
  (addFormats as unknown as (ajv: Ajv) => void)(ajv);
  const catalogue = await loadCatalogue(catalogueDir);
  const checks = new Map(
    ['assessment-plan', 'assessment-results'].map((name) => [name, ajv.compile(schemaFor(folder, name))]),
  );
  let failures = 0;
  const sources = runDirs.flatMap((runDir) => {
    const model = modelOf(readRun(runDir).entries);
    return [
      { runDir, model, about: `run ${model.runId}` },
      { runDir, model: { ...model, cases: [] }, about: `run ${model.runId} without its cases` },
    ];
  });
  for (const { runDir, model, about } of sources) {
    for (const { path, content } of await oscalParts({ runDir, model, catalogue })) {
      if (!('bytes' in content)) throw new Error(`${path} has no bytes`);
      const document: unknown = JSON.parse(Buffer.from(content.bytes).toString('utf8'));
      const name = path.replace(/^oscal\/|\.json$/g, '');
      const check = checks.get(name);
      if (check === undefined) throw new Error(`no schema for ${path}`);
      const valid = check(document);
      console.log(`${valid ? 'valid  ' : 'INVALID'} ${path} of ${about}`);
      for (const { instancePath, message } of valid ? [] : (check.errors ?? []).slice(0, 10))
        console.log(`        ${instancePath}: ${message}`);
      if (!valid) failures += 1;
    }
  }
  return failures;
}

if (schemas === undefined || !existsSync(schemas)) {
  console.log(
    `OSCAL was NOT VALIDATED: there is no folder ${schemas ?? '(none was named)'} with NIST's JSON Schemas`,
  );
} else {
  const scratch = mkdtempSync(join(tmpdir(), 'fieldproof-oscal-'));
  try {
    writeMadeUpRun(join(scratch, 'made-up-1'), { runId: 'made-up-1' });
    const failures = await validate(schemas, [join(scratch, 'made-up-1'), ...runFolders(runs)]);
    process.exitCode = failures === 0 ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
