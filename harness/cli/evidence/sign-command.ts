/** `fieldproof sign`: a person puts their name to a package that the bench has made. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { addSignature } from '../../../reports/evidence/add-signature.ts';
import { UsageError } from '../../errors.ts';
import { readSigner } from '../../record/signing.ts';
import { exitCodes } from '../../verdict.ts';
import { pathForPeople } from '../paths.ts';
import type { SignOptions } from './command.ts';

/**
 * @throws UsageError when there is no such package
 * @throws EvidenceError when the key or the package cannot be read, or the package is not in order
 */
export function signCommand(file: string, options: SignOptions): number {
  const path = resolve(file);
  if (!existsSync(path))
    throw new UsageError('no-package', `there is no package ${pathForPeople(path)}`, {
      hint: 'Make one of the folder of a run: fieldproof package RUN.',
    });
  const signer = readSigner(options.key, process.env['FIELDPROOF_KEY_PASSPHRASE']);
  addSignature(path, signer);
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ package: path, signedBy: signer.fingerprint }, null, 2)}\n`);
  else process.stdout.write(`${pathForPeople(path)} is also signed by the key ${signer.fingerprint}\n`);
  return exitCodes.conforms;
}
