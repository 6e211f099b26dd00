/** Attacks in the command sequences, validly signed: what a device must not do even when it is told to. */

import {
  cborHead,
  cborMajors,
  cborTrue,
  encodeCborArray,
  encodeCborBytes,
  encodeCborInt,
  encodeCborMap,
} from '../../../codec/cbor.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { withMore, type Edit } from '../edit.ts';
import { commands, manifestKeys, parameters } from '../labels.ts';
import { sequencesOf } from '../program.ts';
import { allCommands, type Sequence } from '../sequence.ts';
import { attack, draft, noCrash, type SuitInput, type SuitMutation } from './common.ts';
import { boundPayload } from './payload.ts';

type Maybe = Edit[] | DoesNotApply;
const report = encodeCborInt(15);

const command = (code: number, argument: Uint8Array): Buffer =>
  Buffer.concat([encodeCborInt(code), argument]);
const override = (label: number, value: Uint8Array): Buffer =>
  command(commands.override, encodeCborMap([encodeCborInt(label), value]));

/** So many commands before the first one of a sequence. */
function before({ array }: Sequence, ...more: readonly Buffer[]): Edit {
  return withMore(array, 2 * more.length, Buffer.concat(more));
}

function inValidation({ image }: SuitInput, ...more: readonly Buffer[]): Maybe {
  const sequence = image.manifest?.sequences.get(manifestKeys.validate) ?? sequencesOf(image)[0];
  return sequence === undefined
    ? { doesNotApply: 'the manifest has no commands' }
    : [before(sequence, ...more)];
}

const softFailure = attack({
  id: 'suit-soft-failure-resigned',
  kind: 'coverage',
  resigned: true,
  refusedFor: 'soft-failure',
  name: 'with soft failure set, and a payload that does not match',
  rationale:
    'Outside of try-each and run-sequence the parameter must abort the procedure; a device that honours it installs whatever there is.',
  references: [`${draft}, suit-parameter-soft-failure`],
  alter: (input) => {
    const payload = boundPayload(input)?.value;
    const fetching = sequencesOf(input.image).find((sequence) =>
      [...allCommands(sequence)].some(({ code }) => code === commands.fetch),
    );
    if (payload === undefined || fetching === undefined)
      return { doesNotApply: 'it installs no integrated payload' };
    const last = input.base.read(payload.end - 1, payload.end)[0] ?? 0;
    const flipped = { start: payload.end - 1, end: payload.end, bytes: Buffer.of(last ^ 1) };
    return [before(fetching, override(parameters.softFailure, cborTrue)), flipped];
  },
});

const overridden = attack({
  id: 'suit-override-after-condition-resigned',
  kind: 'coverage',
  resigned: true,
  refusedFor: 'image-digest',
  name: 'with another image digest set for its validation, after a condition that held',
  rationale: 'A condition that held once says nothing of the next: what is set last is what counts.',
  references: [`${draft}, suit-directive-override-parameters`, `${draft}, suit-condition-image-match`],
  alter: (input) => {
    if (boundPayload(input) === undefined) return { doesNotApply: 'it installs no integrated payload' };
    const wrong = encodeCborArray(encodeCborInt(-16), encodeCborBytes(input.random('digest', 32)));
    return inValidation(
      input,
      override(parameters.digest, encodeCborBytes(wrong)),
      command(commands.imageMatch, report),
    );
  },
});

const indices: [id: string, index: (count: number) => bigint, words: string][] = [
  ['one-past', (count) => BigInt(count), 'the first component that there is not'],
  ['u32', () => 0xffff_ffffn, 'component 2³² − 1'],
  ['u64', () => 0xffff_ffff_ffff_ffffn, 'component 2⁶⁴ − 1'],
  ['negative', () => -1n, 'component −1'],
];

const aboutIndex = [`${draft}, suit-directive-set-component-index`, 'CWE-129'];
const indexRationale =
  'The index reaches into a table of components and parameters: beyond its end lies other memory.';

function selecting(input: SuitInput, index: (count: number) => bigint): Maybe {
  const selected = encodeCborInt(index(input.image.manifest?.components.length ?? 0));
  return inValidation(
    input,
    command(commands.setComponentIndex, selected),
    command(commands.imageMatch, report),
  );
}

const components = indices.flatMap(([id, index, words]) => [
  attack({
    id: `suit-component-index-${id}-resigned`,
    kind: 'structure',
    resigned: true,
    refusedFor: 'component-index',
    name: `of several components, with a command that selects ${words}`,
    rationale: indexRationale,
    references: aboutIndex,
    alter: (input) =>
      (input.image.manifest?.components.length ?? 0) < 2
        ? { doesNotApply: 'it has one component, and a device that has no more may ignore the index' }
        : selecting(input, index),
  }),
  attack({
    id: `suit-only-component-index-${id}-resigned`,
    kind: 'structure',
    expectation: noCrash,
    resigned: true,
    name: `of one component, with a command that selects ${words}`,
    rationale: `${indexRationale} Where there can be only one, the command may be ignored.`,
    references: aboutIndex,
    alter: (input) =>
      input.image.manifest?.components.length === 1
        ? selecting(input, index)
        : { doesNotApply: 'it has several components' },
  }),
]);

/** A sequence in a sequence, so many times, around one that does nothing. */
function nested(depth: number, wrap: (inner: Buffer) => Buffer): Buffer {
  let inner = encodeCborArray(encodeCborInt(commands.setComponentIndex), encodeCborInt(0));
  for (let level = 0; level < depth; level += 1) inner = wrap(encodeCborBytes(inner));
  return inner;
}

const tried = (inner: Buffer): Buffer =>
  Buffer.concat([cborHead(cborMajors.array, 2), command(commands.tryEach, encodeCborArray(inner))]);

const recursion: SuitMutation[] = [
  attack({
    id: 'suit-run-sequence-nested-resigned',
    kind: 'resource',
    expectation: noCrash,
    resigned: true,
    name: 'with run-sequence nested two hundred deep',
    rationale: 'Each level is a call of the interpreter: its stack needs a bound.',
    references: [`${draft}, suit-directive-run-sequence`, 'CWE-674'],
    alter: (input) => {
      const inner = nested(200, (sequence) => encodeCborArray(encodeCborInt(commands.runSequence), sequence));
      return inValidation(input, command(commands.runSequence, encodeCborBytes(inner)));
    },
  }),
  attack({
    id: 'suit-try-each-nested-resigned',
    kind: 'resource',
    expectation: noCrash,
    resigned: true,
    name: 'with try-each nested two hundred deep',
    rationale: 'Each level saves parameters to return to: memory for them needs a bound.',
    references: [`${draft}, suit-directive-try-each`, 'CWE-674'],
    alter: (input) => {
      const inner = nested(200, tried);
      return inValidation(input, command(commands.tryEach, encodeCborArray(encodeCborBytes(inner))));
    },
  }),
  attack({
    id: 'suit-process-dependency-resigned',
    kind: 'resource',
    expectation: noCrash,
    resigned: true,
    name: 'with a command to process its own component as a dependency',
    rationale: 'A manifest that is processed from within itself never ends.',
    references: ['draft-ietf-suit-trust-domains-12, suit-directive-process-dependency', 'CWE-674'],
    alter: (input) =>
      inValidation(
        input,
        command(commands.setComponentIndex, encodeCborInt(0)),
        command(commands.processDependency, report),
      ),
  }),
  attack({
    id: 'suit-command-unknown-resigned',
    kind: 'structure',
    expectation: noCrash,
    resigned: true,
    name: 'with a command that no registry knows',
    rationale: 'An unknown command must fail; a table of handlers needs a bound on its index.',
    references: [`${draft}, SUIT_Condition`, 'CWE-129'],
    alter: (input) => inValidation(input, command(0x7fff_ffff, report)),
  }),
];

export const commandMutations: readonly SuitMutation[] = [
  softFailure,
  overridden,
  ...components,
  ...recursion,
];
