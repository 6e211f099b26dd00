/** Writes the JSON Schemas of board files, profiles and declarations from the code; with --check, says whether they are current. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { boardJsonSchema, declarationJsonSchema, profileJsonSchema } from '../harness/board/index.ts';
import { driverSpecs } from '../harness/cli/registry.ts';

const files: readonly [string, unknown][] = [
  ['boards/board.schema.json', boardJsonSchema(driverSpecs)],
  ['boards/profile.schema.json', profileJsonSchema(driverSpecs)],
  ['boards/declaration.schema.json', declarationJsonSchema()],
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
