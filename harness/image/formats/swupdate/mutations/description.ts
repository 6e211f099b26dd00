/** Attacks on the description, which is signed to the byte. */

import type { AttackKind } from '../../../mutation.ts';
import { insertBytes, overwrite } from '../../../patch-set.ts';
import {
  attack,
  benign,
  copyOf,
  descriptionDoc,
  descriptionText,
  noCrash,
  planOf,
  replaceEntry,
  rewritten,
  signedImages,
  streamSource,
  unsignedReason,
  type SwupdateInput,
  type SwupdateMutation,
  type SwupdatePlan,
} from './common.ts';

type Change = { start: number; end: number; text: string };

interface Edit {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references?: readonly string[];
  depth?: 'standard';
  edit: (input: SwupdateInput) => Change[] | string;
}

/** The description edited, its byte sum recomputed: only the signature can tell. */
function edited({ edit, ...described }: Edit): SwupdateMutation {
  return attack({
    references: ['SIG-03', signedImages],
    ...described,
    plan: (input) => {
      const changes = edit(input);
      if (typeof changes === 'string') return { doesNotApply: changes };
      return withDescription(input, rewritten(input, changes));
    },
  });
}

function withDescription(input: SwupdateInput, text: Buffer | undefined): SwupdatePlan {
  const entry = input.image.descriptionEntry;
  if (entry === undefined || text === undefined) return { doesNotApply: 'there is no description' };
  return planOf(input, [replaceEntry(entry, text)], { refusedFor: unsignedReason(input.image) });
}

/** Something put in right behind the brace of the group `software`. */
function inserted(input: SwupdateInput, libconfig: string, json: string): Change[] | string {
  const entry = input.image.descriptionEntry;
  const found = /software"?\s*[:=]\s*\{/.exec(descriptionText(input) ?? '');
  if (entry === undefined || found === null) return 'the description has no group "software"';
  const at = entry.dataStart + found.index + found[0].length;
  return [{ start: at, end: at, text: input.image.description?.json === true ? json : libconfig }];
}

const edits: readonly Edit[] = [
  {
    id: 'swupdate-description-version',
    kind: 'metadata',
    depth: 'standard',
    name: 'with its version raised in the description',
    rationale: 'An old image passes for a new one when the version is not covered.',
    edit: ({ image }) => {
      const value = image.description?.versionValue;
      return value === undefined ? 'it has no version' : [{ ...value, text: '"99.0.0"' }];
    },
  },
  {
    id: 'swupdate-description-hardware',
    kind: 'metadata',
    depth: 'standard',
    name: 'with the hardware that it is for edited in the description',
    rationale: 'An image for other hardware passes when its list of hardware is not covered.',
    edit: ({ image }) => {
      const value = image.description?.hardwareValue;
      const text = image.description?.json === true ? '["#RE:.*"]' : '["#RE:.*"]';
      return value === undefined ? 'it names no hardware' : [{ ...value, text }];
    },
  },
  {
    id: 'swupdate-description-filenames-swapped',
    kind: 'substitution',
    name: 'with the names of two images exchanged in the description',
    rationale: 'Each image is genuine, and goes where the other belongs.',
    edit: ({ image }) => {
      const [one, other] = image.description?.artifacts ?? [];
      if (one === undefined || other === undefined || one.filename === other.filename)
        return 'it has only one image';
      return [
        { ...one.filenameValue, text: `"${other.filename}"` },
        { ...other.filenameValue, text: `"${one.filename}"` },
      ];
    },
  },
  {
    id: 'swupdate-description-sha256-zero',
    kind: 'coverage',
    name: 'with a SHA-256 of zeros for an image',
    rationale: 'A digest of zeros once meant that there is none, and that none is compared.',
    references: ['SWUpdate core/util.c, IsValidHash', 'SWUpdate core/parser.c, check_missing_hash'],
    edit: ({ image }) => {
      const value = image.description?.artifacts[0]?.sha256Value;
      return value === undefined ? 'it has no SHA-256' : [{ ...value, text: `"${'0'.repeat(64)}"` }];
    },
  },
  {
    id: 'swupdate-description-script',
    kind: 'injection',
    name: 'with an embedded Lua script in the description',
    rationale: 'Embedded scripts run while the description is read: they must not run before it is verified.',
    references: ['SIG-10', `${descriptionDoc}, embedded-script`],
    edit: (input) =>
      inserted(
        input,
        '\n  embedded-script = "os.execute(\\"true\\")";\n',
        '"embedded-script": "os.execute(\\"true\\")",',
      ),
  },
  {
    id: 'swupdate-description-comment',
    kind: 'coverage',
    name: 'with white space added to the description',
    rationale:
      'The signature is over the bytes, not over what they mean: one more space is another description.',
    edit: ({ image }) => {
      const at = image.descriptionEntry?.dataEnd;
      return at === undefined ? 'there is no description' : [{ start: at, end: at, text: ' ' }];
    },
  },
  {
    id: 'swupdate-description-nul',
    kind: 'coverage',
    name: 'with a zero byte and another setting behind the description',
    rationale: 'What ends at a zero byte for one reader goes on for another.',
    edit: ({ image }) => {
      const at = image.descriptionEntry?.dataEnd;
      return at === undefined
        ? 'there is no description'
        : [{ start: at, end: at, text: '\0version = "99.0.0";' }];
    },
  },
  {
    id: 'swupdate-description-include',
    kind: 'injection',
    name: 'with an include directive in the description',
    rationale: 'libconfig can read other files: what they say is signed by nobody.',
    references: [`${descriptionDoc}, first section`],
    edit: ({ image }) => {
      const at = image.descriptionEntry?.dataStart;
      if (at === undefined || image.description?.json === true) return 'JSON knows no include';
      return [{ start: at, end: at, text: '@include "/tmp/other-description"\n' }];
    },
  },
];

const staleVersion = attack({
  id: 'swupdate-description-bit-stale-checksum',
  kind: 'metadata',
  invariants: ['same-length', 'signature-kept'],
  name: 'with one byte of its description changed and the byte sum of cpio stale',
  rationale: 'Nothing is recomputed: either the byte sum or the signature tells.',
  references: ['SIG-03', signedImages],
  plan: (input) => {
    const value = input.image.description?.versionValue;
    if (value === undefined) return { doesNotApply: 'it has no version' };
    const at = value.start + 1;
    const old = input.base.read(at, at + 1)[0] ?? 0;
    return planOf(input, [overwrite(at, Buffer.of(old === 0x39 ? 0x38 : 0x39))], {
      refusedFor: unsignedReason(input.image),
    });
  },
});

/** A description that says the same but for its version, in an entry of its own. */
function forged(input: SwupdateInput): Buffer | undefined {
  const entry = input.image.descriptionEntry;
  const value = input.image.description?.versionValue;
  const text = value && rewritten(input, [{ ...value, text: '"99.0.0"' }]);
  return entry && text && copyOf(entry, text);
}

function second(where: 'first' | 'between' | 'behind'): SwupdateMutation {
  const described = {
    first: {
      name: 'with a forged description before the genuine one',
      rationale: 'What is parsed must be what was verified.',
      expectation: { class: 'must-reject', latestStage: 'install' },
    },
    between: {
      name: 'with a forged description between the genuine one and its signature',
      rationale:
        'An agent that takes the last of a name parses the forged one and must refuse; one that takes the first may go on.',
      expectation: noCrash,
    },
    behind: {
      name: 'with a forged description behind the signature',
      rationale:
        'The genuine one is verified by then: the second may be refused or ignored, and must not take its place.',
      expectation: benign,
    },
  } as const;
  return attack({
    id: `swupdate-description-second-${where}`,
    kind: 'injection',
    references: ['SIG-06', `${streamSource}, STREAM_WAIT_DESCRIPTION`],
    ...described[where],
    plan: (input) => {
      const bytes = forged(input);
      const { descriptionEntry, signatureEntry } = input.image;
      if (bytes === undefined || descriptionEntry === undefined || signatureEntry === undefined) {
        return { doesNotApply: 'it has no version, or no signature' };
      }
      const at = { first: 0, between: descriptionEntry.end, behind: signatureEntry.end }[where];
      return planOf(input, [insertBytes(at, bytes)]);
    },
  });
}

export const descriptionMutations: readonly SwupdateMutation[] = [
  ...edits.map(edited),
  staleVersion,
  second('first'),
  second('between'),
  second('behind'),
];
