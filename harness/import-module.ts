/** Modules of a lab's own, JavaScript or TypeScript: profiles and suites beside our compiled JavaScript. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BoardFileError } from './errors.ts';

let ready = false;

/**
 * `import()` of a file, TypeScript included.
 *
 * tsx is registered for the whole process: only so does `import 'fieldproof'` in such a file give the harness that
 * runs, and not a copy with classes of its own. Loading it costs 0.3 s, so it is left until a file needs it.
 *
 * @param file absolute path
 * @throws BoardFileError for a `.ts` file that Node takes for CommonJS; whatever the module throws
 */
export async function importModule(file: string): Promise<unknown> {
  if (/\.m?ts$/.test(file)) {
    mustBeEsModule(file);
    await readyForTypeScript();
  }
  return import(pathToFileURL(file).href);
}

async function readyForTypeScript(): Promise<void> {
  if (ready || import.meta.url.endsWith('.ts')) return; // from source, tsx is there already
  ready = true;
  const { register } = await import('tsx/esm/api');
  register({ tsconfig: false }); // somebody's `paths` shall not lead away from the package that runs
}

/** As CommonJS, `import 'fieldproof'` would become require(), which tsx answers with a copy of the harness. */
function mustBeEsModule(file: string): void {
  if (file.endsWith('.mts')) return;
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) {
      if ((JSON.parse(readFileSync(manifest, 'utf8')) as { type?: string }).type === 'module') return;
      throw notEsModule(file, `${manifest} does not say "type": "module"`);
    }
    if (folder === dirname(folder)) throw notEsModule(file, 'there is no package.json above it');
  }
}

function notEsModule(file: string, why: string): BoardFileError {
  return new BoardFileError('not-a-module', `${file} is no ES module: ${why}`, {
    hint: `Put {"type": "module"} into a package.json beside it, or give it the ending .mts.`,
  });
}
