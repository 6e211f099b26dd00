/** `fieldproof image`: what is in a firmware image, and the attack images made of it. */

import { InvalidArgumentError, Option, type Command } from 'commander';
import type { GlobalOptions } from '../options.ts';

/** Options that say what a file is, when its content does not. */
export interface ImageFileOptions extends GlobalOptions {
  key: string[];
  crl: string[];
  /** The format's name, for a file that several formats claim. */
  format?: string;
  /** The signature, where it is a file of its own. */
  signature?: string;
  /** How payload and signatures are put together. */
  layout?: string;
}

export interface InspectOptions extends ImageFileOptions {
  svg?: string;
}

export interface AttacksOptions extends ImageFileOptions {
  older?: string;
  olderSignature?: string;
  testKey?: string;
  testCertificate?: string;
  declaration?: string;
  only: string[];
  list?: boolean;
  out?: string;
  huge?: boolean;
  seed: string;
}

/** 32 bytes of nothing: two benches make the same images unless one of them is told otherwise. */
const defaultSeed = '0'.repeat(64);

/** @param ended takes the exit code */
export function addImageCommand(program: Command, ended: (code: number) => void): void {
  const image = program
    .command('image')
    .description('what is in a firmware image, and the attack images that can be made of it');
  const ofFile = (command: Command): Command =>
    command
      .addOption(repeated('--key <file>', 'public key or certificate of the maker (may be repeated)'))
      .addOption(repeated('--crl <file>', 'certificate revocation list (may be repeated)'))
      .option('--format <name>', 'the format, when the content alone does not tell; opaque for any file')
      .option('--signature <file>', 'the signature, where it is a file of its own')
      .option('--layout <file>', 'YAML: how payload and detached or appended signatures are put together');

  ofFile(
    image
      .command('inspect')
      .description('format, version, counter, signatures, every byte’s coverage, and what is wrong')
      .argument('<file>', 'the image'),
  )
    .option('--svg <file>', 'writes a picture of the layout')
    .action(async (file: string, _opts: unknown, command: Command) => {
      const { inspectImage } = await import('./inspect.ts');
      ended(await inspectImage(file, command.optsWithGlobals<InspectOptions>()));
    });

  ofFile(
    image
      .command('attacks')
      .description('makes attack images of a genuine one, each with what a conforming device does with it')
      .argument('<golden>', 'a genuine image of the device'),
  )
    .option('--older <file>', 'another genuine image of the device, of an older release')
    .option(
      '--test-key <file>',
      'private key that the device trusts for the test: attacks that are signed anew',
    )
    .option('--test-certificate <file>', 'PEM certificates of the test key, the signer’s first')
    .option('--declaration <file>', 'the device’s declaration: decides what depends on its policy')
    .addOption(repeated('--only <pattern>', 'attacks by id, with *: "*-payload-*" (may be repeated)'))
    .option('--list', 'only lists the attacks on this format, without making them')
    .option('--out <folder>', 'writes the images and their provenance into a new folder')
    .option('--huge', 'makes images beyond 2 GiB too, for lengths that overflow')
    .option(
      '--seed <hex>',
      'master seed: the same gives the same bytes, but for what is signed anew with RSA',
      seedHex,
      defaultSeed,
    )
    .action(async (golden: string, _opts: unknown, command: Command) => {
      const { imageAttacks } = await import('./attacks.ts');
      ended(await imageAttacks(golden, command.optsWithGlobals<AttacksOptions>()));
    });
}

function repeated(flags: string, description: string): Option {
  return new Option(flags, description)
    .argParser((value: string, previous: string[]) => [...previous, value])
    .default([], 'none');
}

function seedHex(value: string): string {
  if (/^([0-9a-f]{2}){16,64}$/i.test(value)) return value.toLowerCase();
  throw new InvalidArgumentError('16 to 64 bytes in hex are needed');
}
