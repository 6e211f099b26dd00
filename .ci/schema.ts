/** Writes the JSON Schemas of everything that people write in YAML from the code; with --check, says whether they are current. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { boardJsonSchema, declarationJsonSchema, profileJsonSchema } from '../harness/board/index.ts';
import { knownJsonSchema } from '../harness/board/known-file.ts';
import { labJsonSchema } from '../reports/page/lab-schema.ts';
import { mappingJsonSchema } from '../reports/trace/mapping-schema.ts';
import { driverSpecs } from '../harness/cli/registry.ts';

const files: readonly [string, unknown][] = [
  ['boards/board.schema.json', boardJsonSchema(driverSpecs)],
  ['boards/profile.schema.json', profileJsonSchema(driverSpecs)],
  ['boards/declaration.schema.json', declarationJsonSchema()],
  ['boards/lab.schema.json', labJsonSchema()],
  ['boards/known.schema.json', knownJsonSchema()],
  ['boards/mapping.schema.json', mappingJsonSchema()],
];
const check = process.argv.includes('--check');

for (const [file, schema] of files) {
  const text = `${JSON.stringify(schema, null, 1)}\n`;
  if (!check) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`${file} is not what the code describes: npm run schema\n`);
    process.exitCode = 1;
  }
}
