/** `fieldproof package`, `sign`, `verify` and `key`: evidence that leaves the bench. */

import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { withReporting } from '../common-options.ts';
import type { GlobalOptions } from '../options.ts';
import type { ReportingOptions } from '../reporting.ts';

/** The option of every command that may sign with the bench's key. */
export function benchKeyOption(): Option {
  return new Option(
    '--bench-key <file>',
    'key that signs; default: $FIELDPROOF_BENCH_KEY, else fieldproof/bench-key.pem in the configuration folder',
  );
}

/** The option of every command that may ask for time-stamps. */
export function authorityOption(): Option {
  return new Option(
    '--authority <url>',
    'time-stamping authority (RFC 3161): stamps what opened the run, and its final root',
  ).argParser((value: string) => {
    if (/^https?:\/\//.test(value) && URL.canParse(value)) return value;
    throw new InvalidArgumentError('an address is needed, such as http://timestamp.example/tsa');
  });
}

export interface BenchKeyOptions extends GlobalOptions {
  benchKey?: string;
}

export interface PackOptions extends BenchKeyOptions, ReportingOptions {
  out?: string;
  /** Paths and folders of which only the digest goes in. */
  redact: string[];
  /** PEM files of people who sign at once. */
  sign: string[];
  report: boolean;
}

export interface SignOptions extends GlobalOptions {
  key: string;
}

export interface VerifyOptions extends GlobalOptions {
  key: string[];
}

export interface TimestampOptions extends GlobalOptions {
  authority?: string;
}

/** @param ended takes the exit code */
export function addEvidenceCommands(program: Command, ended: (code: number) => void): void {
  withReporting(program.command('package'))
    .description('one file of evidence about a run, signed, with a verifier inside')
    .argument('<run>', 'folder of a run')
    .option('--out <file>', 'the package; default: beside the run folder, <run>.fieldproof.tar')
    .addOption(
      listOption('--redact <paths>', 'withhold files or folders (wire,payloads,…): only their digests go in'),
    )
    .addOption(listOption('--sign <file>', 'also sign with this key of a person (may be repeated)'))
    .option('--no-report', 'leave the reports and the Allure results out')
    .addOption(benchKeyOption())
    .action(async (run: string, _opts: unknown, command: Command) => {
      const { packageCommand } = await import('./package-command.ts');
      ended(await packageCommand(run, command.optsWithGlobals<PackOptions>()));
    });

  program
    .command('sign')
    .description('adds the signature of a person to a package')
    .argument('<package>', 'the package; it is written again')
    .requiredOption('--key <file>', 'private key of the person, PEM: Ed25519 or ECDSA P-256')
    .action(async (file: string, _opts: unknown, command: Command) => {
      const { signCommand } = await import('./sign-command.ts');
      ended(signCommand(file, command.optsWithGlobals<SignOptions>()));
    });

  program
    .command('verify')
    .description('checks a package; exit code 0: as signed by the expected keys, 1: not, 2: signer unknown')
    .argument('<package>', 'the package')
    .addOption(listOption('--key <fingerprint>', 'key that must have signed (may be repeated)'))
    .action(async (file: string, _opts: unknown, command: Command) => {
      const { verifyCommand } = await import('./verify-command.ts');
      ended(await verifyCommand(file, command.optsWithGlobals<VerifyOptions>()));
    });

  program
    .command('timestamp')
    .description(
      'time-stamps of a run by RFC 3161: asks an authority, or keeps the requests until one is at hand',
    )
    .argument('<run>', 'folder of a run')
    .addOption(authorityOption())
    .action(async (run: string, _opts: unknown, command: Command) => {
      const { timestampCommand } = await import('./timestamp-command.ts');
      ended(await timestampCommand(run, command.optsWithGlobals<TimestampOptions>()));
    });

  program
    .command('key')
    .description('the fingerprint and the public half of the bench’s key; makes the key when there is none')
    .addOption(benchKeyOption())
    .action(async (_opts: unknown, command: Command) => {
      const { keyCommand } = await import('./key-command.ts');
      ended(keyCommand(command.optsWithGlobals<BenchKeyOptions>()));
    });
}

/** Repeated, or separated by commas. */
function listOption(flags: string, description: string): Option {
  return new Option(flags, description)
    .argParser((value: string, previous: string[]) => [
      ...previous,
      ...value.split(',').filter((one) => one !== ''),
    ])
    .default([], 'none');
}
