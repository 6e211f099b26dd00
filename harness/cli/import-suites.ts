/** Mocha with `import()` alone: each module exists once, whoever loads it. */

import { resolve } from 'node:path';
import Mocha from 'mocha';
import { importModule } from '../import-module.ts';

/**
 * What `mocha.loadFilesAsync` does, with import() alone: mocha itself prefers require(), under which a TypeScript file
 * gets a harness of its own beside the one that import() gives, and errors of the one copy are no instances of the
 * other's classes.
 *
 * @param files paths, loaded in this order
 */
export async function importInto(mocha: Mocha, files: readonly string[]): Promise<void> {
  const { EVENT_FILE_PRE_REQUIRE, EVENT_FILE_REQUIRE, EVENT_FILE_POST_REQUIRE } = Mocha.Suite.constants;
  for (const file of files) {
    mocha.suite.emit(EVENT_FILE_PRE_REQUIRE, globalThis, file, mocha);
    const exported: unknown = await importModule(resolve(file));
    mocha.suite.emit(EVENT_FILE_REQUIRE, exported, file, mocha);
    mocha.suite.emit(EVENT_FILE_POST_REQUIRE, globalThis, file, mocha);
  }
}

/** Makes `npx mocha` load its files by {@link importInto}; to be called from a module that mocha's `require:` names. */
export function letMochaImport(): void {
  Mocha.prototype.loadFilesAsync = async function (this: Mocha) {
    const files = this.files.splice(0); // what stays in the list, run() would load once more, with require()
    await importInto(this, files);
  };
}
