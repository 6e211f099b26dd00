/** From a lab file to checked data with its digest. */

import { basename } from 'node:path';
import { deepFreeze, loadYaml } from '../../harness/board/index.ts';
import { sha256Hex } from '../../harness/record/digest.ts';
import { labSchema, type Lab } from './lab-schema.ts';

export interface LoadedLab {
  lab: Lab;
  /** Name of the file, without its folder. */
  file: string;
  /** Of the file's bytes, lower-case hex. */
  sha256: string;
}

/** @throws BoardFileError listing every problem as `file:line:column key.path: what, and what to write instead` */
export async function loadLab(file: string): Promise<LoadedLab> {
  const { value, bytes } = await loadYaml(file, 'lab file', labSchema);
  return { lab: deepFreeze(value), file: basename(file), sha256: sha256Hex(bytes) };
}
