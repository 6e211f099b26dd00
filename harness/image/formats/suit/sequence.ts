/**
 * Command sequences as trees: commands with their arguments, parameters, and the sequences inside.
 *
 * Source: draft-ietf-suit-manifest-34, "SUIT_Command_Sequence", "SUIT_Parameters".
 */

import { cborBytes, cborEntries, cborInt, cborMajors, cborText, type CborItem } from '../../codec/cbor.ts';
import { readDigest, type SuitDigest } from './auth.ts';
import { commands, parameterNames, parameters } from './labels.ts';
import type { Mark, Reading } from './reading.ts';

export interface Parameter {
  label: number;
  item: CborItem;
  /** Of `image-digest`. */
  digest?: SuitDigest;
  /** Of `uri`. */
  text?: string;
  /** Of the identifiers: the 16 bytes of a UUID, or of what stands there instead. */
  bytes?: Buffer;
  /** Of those that are numbers. */
  number?: bigint;
  /** Of those that are true or false. */
  flag?: boolean;
}

export interface Command {
  code: number;
  item: CborItem;
  argument: CborItem;
  /** Of `override-parameters` and `set-parameters`. */
  parameters: readonly Parameter[];
  /** Of `try-each` and `run-sequence`; undefined for an empty alternative. */
  branches: readonly (Sequence | undefined)[];
}

export interface Sequence {
  /** `install`; the same for those inside. */
  name: string;
  wrapper: CborItem;
  array: CborItem;
  commands: readonly Command[];
}

/** Sequences in sequences; deeper ones are not read. */
const mostDepth = 16;

export function readSequence(
  reading: Reading,
  wrapper: CborItem,
  name: string,
  depth = 0,
): Sequence | undefined {
  if (depth > mostDepth) {
    reading.issue(
      'manifest',
      'sequence-depth',
      wrapper.start,
      `sequences nested more than ${mostDepth} deep`,
    );
    return undefined;
  }
  const item = reading.open('manifest', wrapper, `the ${name} sequence`);
  const array = reading.expect('manifest', item, cborMajors.array, `the ${name} sequence`);
  if (array === undefined) return undefined;
  if (array.children.length % 2 === 1) {
    reading.issue('manifest', 'command-pairs', array.start, `a command without its argument in ${name}`);
  }
  const read: Command[] = [];
  for (let index = 0; index + 1 < array.children.length; index += 2) {
    const [code, argument] = array.children.slice(index, index + 2);
    if (code !== undefined && argument !== undefined)
      read.push(readCommand(reading, code, argument, name, depth));
  }
  return { name, wrapper, array, commands: read };
}

function readCommand(
  reading: Reading,
  item: CborItem,
  argument: CborItem,
  name: string,
  depth: number,
): Command {
  const code = Number(cborInt(item) ?? NaN);
  if (Number.isNaN(code))
    reading.issue('manifest', 'command', item.start, `a command of ${name} is no number`);
  const sets = code === commands.override || code === commands.setParameters;
  return {
    code,
    item,
    argument,
    parameters: sets ? readParameters(reading, argument, name) : [],
    branches: branchItems(code, argument).map((branch) =>
      branch.major === cborMajors.simple ? undefined : readSequence(reading, branch, name, depth + 1),
    ),
  };
}

function branchItems(code: number, argument: CborItem): readonly CborItem[] {
  if (code === commands.runSequence) return [argument];
  return code === commands.tryEach && argument.major === cborMajors.array ? argument.children : [];
}

function readParameters(reading: Reading, argument: CborItem, name: string): Parameter[] {
  const map = reading.expect('manifest', argument, cborMajors.map, `the parameters in ${name}`);
  return cborEntries(map).map(({ key, value }) => readParameter(reading, Number(cborInt(key) ?? NaN), value));
}

function readParameter(reading: Reading, label: number, item: CborItem): Parameter {
  const shared = { label, item };
  if (label === parameters.digest) {
    const inside = reading.open('manifest', item, 'an image digest');
    const digest = inside && readDigest(reading, 'manifest', inside);
    return digest === undefined ? shared : { ...shared, digest };
  }
  const text = cborText(reading.source, item);
  if (text !== undefined) return { ...shared, text };
  const number = cborInt(item);
  if (number !== undefined) return { ...shared, number };
  if (item.major === cborMajors.simple) return { ...shared, flag: item.argument === 21n };
  const bytes = cborBytes(reading.source, item, 64);
  return bytes === undefined ? shared : { ...shared, bytes };
}

/** Every command of a sequence and of those inside, in order. */
export function* allCommands(sequence: Sequence | undefined): Generator<Command> {
  for (const command of sequence?.commands ?? []) {
    yield command;
    for (const branch of command.branches) yield* allCommands(branch);
  }
}

/** Regions of a sequence: the values of its parameters, and all the rest. */
export function sequenceMarks(sequence: Sequence, prefix: string): Mark {
  const inside = [...allCommands(sequence)]
    .flatMap((command) => command.parameters)
    .map(({ label, item }) => ({
      start: item.start,
      end: item.end,
      name: `${prefix}.${parameterNames.get(label) ?? `parameter-${label}`}`,
    }));
  return { start: sequence.wrapper.start, end: sequence.wrapper.end, name: prefix, inside };
}
