#!/usr/bin/env node
/** The command `fieldproof`. Kept tiny: `--version` must not wait for anything else to load. */

import { version } from './paths.ts';

const [argument] = process.argv.slice(2);
if (argument === '--version' || argument === '-V') {
  process.stdout.write(`${version()}\n`);
} else {
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(process.argv);
  // node-opcua looks up our own host name and would keep the process for seconds: everything of ours is closed here.
  process.exit();
}
