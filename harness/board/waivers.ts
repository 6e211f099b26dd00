/**
 * What in a board file or a declaration meets the condition of a conditional requirement. A declaration that waives
 * the requirement all the same contradicts itself, and its cases would be left out for a reason that is not true.
 */

import type { ImageRole } from './board-schema.ts';
import type { Declaration, FirmwareFormat } from './declaration-schema.ts';
import type { BoardFile } from './load-board.ts';
import type { KeyPath } from './problem.ts';

/** Something that stands in one of the files although the waiver denies it. */
interface Met {
  in: 'board' | 'declaration';
  /** Where: `commands.window`. */
  at: string;
  /** What it says of the device. */
  says: string;
}

type Look = (board: BoardFile, declared: Declaration) => readonly Met[];

const seen = (where: Met['in'], there: boolean, at: string, says: string): Met[] =>
  there ? [{ in: where, at, says }] : [];

const declares = (there: boolean, at: string, says: string): Met[] => seen('declaration', there, at, says);

const format = ({ update }: Declaration, formats: readonly FirmwareFormat[], says: string): Met[] =>
  update === undefined
    ? []
    : declares(formats.includes(update.format), 'update.format', `${update.format}, ${says}`);

const images = ({ images: named }: BoardFile, roles: readonly ImageRole[], says: string): Met[] =>
  roles.flatMap((role) => seen('board', named[role] !== undefined, `images.${role}`, says));

const wires = (board: BoardFile, driver: string, says: string): Met[] =>
  Object.entries(board.wires).flatMap(([name, wire]) =>
    seen('board', wire.driver === driver, `wires.${name}`, says),
  );

const certificates = ({ keys }: BoardFile): Met[] =>
  ['maker', 'test'].flatMap((name) => {
    const certified = Buffer.from(keys[name] ?? []).includes('BEGIN CERTIFICATE');
    return seen('board', certified, `keys.${name}`, 'a certificate');
  });

/**
 * By requirement. Those that are conditional and not here are waived by agreement alone: whether a device publishes,
 * takes its time from a network, has roles, attests, or is sold in the Union, no file tells.
 */
export const meetsCondition: Readonly<Record<string, Look>> = {
  'FP-SIG-7': (board, declared) => {
    const policy = declared.update?.policy;
    return [
      ...format(declared, ['rauc', 'pe'], 'whose signers are named by certificates'),
      ...(['certificateTime', 'certificatePurpose', 'signerName'] as const).flatMap((rule) =>
        declares(policy?.[rule] === 'checked', `update.policy.${rule}`, 'checked'),
      ),
      ...certificates(board),
    ];
  },
  'FP-SIG-8': (_, { update }) =>
    declares(
      update?.policy?.threshold !== undefined,
      'update.policy.threshold',
      `${update?.policy?.threshold} signers are needed`,
    ),
  'FP-SIG-9': (_, declared) =>
    format(declared, ['mcuboot', 'fit', 'rauc', 'pe'], 'whose images name their signer'),
  'FP-SIG-10': (_, declared) =>
    format(
      declared,
      ['mcuboot', 'fit', 'swupdate', 'rauc', 'suit', 'pe'],
      'whose images list what is signed, or have room for what is not',
    ),
  'FP-RB-2': (board) => [
    ...seen(
      'board',
      board.profile.firmware?.securityCounter !== undefined,
      'profile.firmware.securityCounter',
      'a security counter is read back',
    ),
    ...images(
      board,
      ['lowerCounter', 'equalCounter', 'maximumCounter', 'unsignedCounter'],
      'an image that is told by its security counter',
    ),
  ],
  'FP-RB-5': (_, { update }) => [
    ...declares(update?.confirmation === 'required', 'update.confirmation', 'required'),
    ...declares(
      update?.confirmWithinMs !== undefined,
      'update.confirmWithinMs',
      'a trial that nobody confirms is swapped back',
    ),
    ...declares(
      update?.revertsWithinMs !== undefined,
      'update.revertsWithinMs',
      'an image that fails gives way to the one before it',
    ),
  ],
  'FP-RB-6': (board, { update, audit }) => [
    ...declares(
      update?.expiredMetadata !== undefined,
      'update.expiredMetadata',
      'there is a policy for metadata that has expired',
    ),
    ...declares(audit?.metadataExpired !== undefined, 'audit.metadataExpired', 'expiry is recorded'),
    ...images(board, ['expired', 'newerExpired'], 'an image whose metadata has expired'),
  ],
  'FP-RB-8': (board, declared) => [
    ...format(declared, ['suit'], 'whose manifest has a sequence number of its own'),
    ...declares(
      declared.update?.olderUnderNewer !== undefined,
      'update.olderUnderNewer',
      'there is a policy for manifests and what they carry',
    ),
    ...images(board, ['staleComponent'], 'an image of several components'),
    ...images(board, ['olderUnderNewer'], 'an image with a manifest of its own number'),
  ],
  'FP-RB-9': (_, { update }) =>
    declares(
      update?.policy?.lowerVersion === 'refuse',
      'update.policy.lowerVersion',
      'a lower version is refused',
    ),
  'FP-RB-10': (board, { update, audit }) => [
    ...seen(
      'board',
      board.profile.firmware?.allowOlder !== undefined,
      'profile.firmware.allowOlder',
      'a way for an operator to ask for an older image',
    ),
    ...declares(
      update?.operatorOverride === 'audited',
      'update.operatorOverride',
      'older images are granted and audited',
    ),
    ...declares(audit?.overrideUsed !== undefined, 'audit.overrideUsed', 'its use is recorded'),
  ],
  'FP-REP-2': (_, { commands }) =>
    declares(
      commands?.mechanism === 'authenticated-messages' && commands.window !== undefined,
      'commands.window',
      'a time window is declared',
    ),
  'FP-REP-4': (board) => wires(board, 'opcua', 'a wire to an OPC UA server'),
  'FP-AIM-1': (_, declared) => modelWatched(declared),
  'FP-AIM-2': (_, declared) => modelWatched(declared),
  'FP-AIM-3': (_, declared) => modelWatched(declared),
};

function modelWatched({ integrity }: Declaration): Met[] {
  return declares(
    integrity?.coverage.includes('model') === true,
    'integrity.coverage',
    'a model is watched for integrity',
  );
}

/** Waivers of what the board or the declaration itself shows to apply, at the line of the waiver. */
export function untrueWaivers(
  board: BoardFile,
  declared: Declaration,
): { in: 'declaration'; path: KeyPath; message: string }[] {
  return declared.notApplicable.flatMap(({ requirement }, i) => {
    const met = Object.hasOwn(meetsCondition, requirement)
      ? (meetsCondition[requirement]?.(board, declared) ?? [])
      : [];
    if (met.length === 0) return [];
    const said = met.map(
      ({ in: where, at, says }) =>
        `${at} of the ${where === 'board' ? 'board file' : 'declaration'} (${says})`,
    );
    const rest = said.length === 1 ? 'it is' : 'they are';
    const message = `${requirement} is waived, and applies by ${said.join(', ')}; drop the waiver, or take out what contradicts it if ${rest} not true of this device`;
    return [{ in: 'declaration' as const, path: ['notApplicable', i, 'requirement'], message }];
  });
}
