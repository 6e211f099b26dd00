/** Entries that nobody signed, beside those that belong into the unprotected area. */

import { encodeUint, tlvName, tlvTypes } from '../layout.ts';
import type { AttackKind } from '../../../mutation.ts';
import { byPolicy } from '../../../mutation.ts';
import {
  areaPlan,
  benign,
  mustReject,
  validateSource,
  type McubootInput,
  type McubootMutation,
} from './common.ts';

const byAllowList = byPolicy('unsignedMetadata', (value) => {
  if (value === 'refuse') return mustReject;
  return value === 'ignore' ? benign : { class: 'policy', dependsOn: 'what unsigned metadata is used for' };
});

interface Added {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  type: number;
  value: (input: McubootInput) => Buffer;
  /** A reason not to. */
  unless?: (input: McubootInput) => string | undefined;
  where?: 'first' | 'last';
}

function added({ id, type, value, unless, where, ...words }: Added): McubootMutation {
  return {
    ...words,
    id: `mcuboot-unprotected-${id}`,
    references: [`${validateSource}, allowed_unprot_tlvs`, 'MCUboot issue #506'],
    attackerModel: 'network',
    needs: [],
    invariants: ['signed-kept', 'signature-kept'],
    expectation: byAllowList,
    plan: (input) => {
      const not = unless?.(input);
      if (not !== undefined) return { doesNotApply: not };
      const more = input.policy.unsignedMetadata === 'refuse' ? { refusedFor: 'metadata' as const } : {};
      const entry = { type, value: value(input) };
      return areaPlan(
        input,
        'unprotected',
        (entries) => {
          if (entries.some((one) => one.type === type)) {
            return { doesNotApply: `the image has an unprotected ${tlvName(type)} already` };
          }
          return where === 'first' ? [entry, ...entries] : [...entries, entry];
        },
        more,
      );
    },
  };
}

const hasCounter = ({ image }: McubootInput): boolean =>
  image.tlvs.some(({ type, area }) => type === tlvTypes.SEC_CNT && area === 'protected');

const counter =
  (value: number) =>
  ({ image }: McubootInput): Buffer =>
    encodeUint(value, 4, image.endian);

const beside = (input: McubootInput): string | undefined =>
  hasCounter(input) ? undefined : 'the image has no protected counter';

export const unprotectedMutations: readonly McubootMutation[] = [
  added({
    id: 'counter-high',
    kind: 'counter',
    name: 'with an unsigned security counter at its maximum beside the signed one',
    rationale: 'A loader that takes the last counter would lock itself against every later release.',
    type: tlvTypes.SEC_CNT,
    value: counter(0xffff_ffff),
    unless: beside,
  }),
  added({
    id: 'counter-zero',
    kind: 'counter',
    name: 'with an unsigned security counter of 0 beside the signed one',
    rationale: 'Only the signed counter counts; loaders that look at both may refuse.',
    type: tlvTypes.SEC_CNT,
    value: counter(0),
    unless: beside,
    where: 'first',
  }),
  added({
    id: 'counter-alone',
    kind: 'counter',
    name: 'without a signed security counter, with an unsigned one',
    rationale: 'An unsigned counter must never stand in for the missing signed one.',
    type: tlvTypes.SEC_CNT,
    value: counter(0x7fff_ffff),
    unless: (input) => (hasCounter(input) ? 'the image has a protected counter' : undefined),
  }),
  added({
    id: 'vendor',
    kind: 'injection',
    name: 'with an unsigned vendor entry',
    rationale: 'What the application reads from there, anybody can write.',
    type: 0x5ea6,
    value: ({ random }) => random('vendor', 16),
  }),
  added({
    id: 'unknown',
    kind: 'injection',
    name: 'with an unsigned entry of a type that nobody knows',
    rationale: 'Unknown entries are for a strict loader a reason to refuse.',
    type: 0x99,
    value: ({ random }) => random('unknown', 8),
  }),
  added({
    id: 'dependency',
    kind: 'injection',
    name: 'with an unsigned dependency that nothing meets',
    rationale: 'Dependencies were read from the unsigned area once.',
    type: tlvTypes.DEPENDENCY,
    value: () => Buffer.concat([Buffer.of(1, 0, 0, 0), Buffer.alloc(8, 0xff)]),
  }),
  added({
    id: 'boot-record',
    kind: 'injection',
    name: 'with an unsigned boot record',
    rationale: 'The device would attest what nobody signed.',
    type: tlvTypes.BOOT_RECORD,
    value: () => Buffer.from('a161316466616b65', 'hex'),
    where: 'first',
  }),
  added({
    id: 'vendor-id',
    kind: 'compatibility',
    name: 'with an unsigned vendor id',
    rationale: 'Ids of hardware count only where they are signed.',
    type: tlvTypes.UUID_VID,
    value: ({ random }) => random('vendor id', 16),
  }),
  added({
    id: 'class-id',
    kind: 'compatibility',
    name: 'with an unsigned device class id',
    rationale: 'Ids of hardware count only where they are signed.',
    type: tlvTypes.UUID_CID,
    value: ({ random }) => random('class id', 16),
  }),
];
