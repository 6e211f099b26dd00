/** What a case needs of a board, in words that `plan` and `doctor` can turn into a shopping list. */

import { imageRoles, type BoardFile, type Declaration, type ImageRole } from '../board/index.ts';
import type { EndlessKind } from '../capabilities.ts';

export type Need =
  | `image:${string}`
  | `key:${string}`
  | `tamper:${string}`
  | `attack:${string}`
  | `endless:${EndlessKind}`
  | 'firmware'
  | 'revert'
  | 'override'
  | 'test-key'
  | 'test-authority'
  | 'time'
  | 'restart'
  | 'factory-reset'
  | 'power'
  | 'alarms'
  | 'commands'
  | 'tap';

/** A missing need: what is missing, and how to get it. */
export interface MissingNeed {
  need: Need;
  what: string;
  next: string;
}

/** What an image is for, as the board file's schema has it: one wording for editors, doctor and plan. */
const imageWord = (role: string): string =>
  role in imageRoles ? imageRoles[role as ImageRole] : 'an image of the vendor';

/** What a key is for and how it is written. */
const keyWords: Readonly<Record<string, string>> = {
  commands: 'the key with which command messages are authenticated',
  maker: 'the public keys or certificates that verify the maker’s images, in PEM',
};

/**
 * The needs that this board cannot meet, judged from its files alone.
 *
 * @param declared commands that nothing authenticates have no key, and want none
 */
export function missingNeeds(
  needs: readonly Need[],
  board: BoardFile,
  declared: Pick<Declaration, 'commands'> = {},
): MissingNeed[] {
  const mechanism = declared.commands?.mechanism;
  const keyless = mechanism !== undefined && mechanism !== 'authenticated-messages';
  return needs.flatMap((need) => {
    if (need === 'key:commands' && keyless) return [];
    const missing = whatIsMissing(need, board);
    return missing === undefined ? [] : [{ need, ...missing }];
  });
}

function whatIsMissing(need: Need, board: BoardFile): { what: string; next: string } | undefined {
  const { profile } = board;
  const colon = need.indexOf(':');
  const kind = colon < 0 ? need : need.slice(0, colon);
  const name = colon < 0 ? '' : need.slice(colon + 1);
  const absent = (present: unknown, what: string, next: string) =>
    present === undefined ? { what, next } : undefined;
  switch (kind) {
    case 'image':
      return absent(
        (board.images as Readonly<Record<string, unknown>>)[name],
        `image "${name}": ${imageWord(name)}`,
        `Ask the vendor for it and add images.${name} with file and sha256.`,
      );
    case 'key':
      return absent(
        board.keys[name],
        `key "${name}": ${keyWords[name] ?? 'a key of the device under test'}`,
        `Ask the vendor for it and add keys.${name}: !secret path/to/key.`,
      );
    case 'tamper':
      return absent(
        profile.tamper?.kinds[name],
        `a declared means to tamper: ${name}`,
        `Ask the vendor for a device opened for test, and add profile.tamper.kinds.${name}.`,
      );
    case 'attack':
      return absent(
        profile.linkAttacks?.[0],
        `a link whose driver offers the attack "${name}"`,
        'Name the wire under profile.linkAttacks, with a tap in front of it.',
      );
    case 'firmware':
      return absent(
        profile.firmware,
        'a way in for firmware',
        'Add profile.firmware with at least one ingress.',
      );
    case 'revert':
      return absent(
        profile.firmware?.revert,
        'a way to ask for the image before the running one',
        'Add profile.firmware.revert.',
      );
    case 'override':
      return absent(
        profile.firmware?.allowOlder,
        'the operator’s way to ask for an older image',
        'Add profile.firmware.allowOlder.',
      );
    case 'test-key':
      return absent(
        board.keys['test'],
        'a private key that the device trusts for the test',
        'Ask the vendor for a device that trusts a test key, and add keys.test: !secret path/to/key.pem.',
      );
    case 'test-authority':
      return testAuthority(board);
    case 'time':
      return absent(profile.time, 'control over the device’s clock', 'Add profile.time.');
    case 'restart':
      return absent(
        profile.power ?? profile.restart,
        'a switched supply, or a way to restart the device',
        'Add a power wire and name it under profile.power, or else add profile.restart.',
      );
    case 'endless':
      return absent(
        profile.firmware,
        'a way in for firmware',
        'Add profile.firmware with at least one ingress.',
      );
    case 'factory-reset':
      return absent(
        profile.firmware?.factoryReset,
        'a way to reset the device to factory configuration',
        'Add profile.firmware.factoryReset.',
      );
    case 'power':
      return absent(profile.power, 'a switched supply', 'Add a power wire and name it under profile.power.');
    case 'alarms':
      return absent(profile.alarms, 'an alarm wire', 'Add profile.alarms.');
    case 'commands':
      return absent(profile.commands, 'a command channel', 'Add profile.commands.');
    case 'tap':
      return absent(
        profile.commands?.tap,
        'a tap on the command wire',
        'Add a tcp-tap wire, lead the command wire through it, and name it under profile.commands.tap.',
      );
    default:
      return undefined;
  }
}

/** A private key with its certificate: with a bare key no certificate can be issued. */
function testAuthority({ keys }: BoardFile): { what: string; next: string } | undefined {
  const key = keys['test'];
  if (key !== undefined && Buffer.from(key).includes('BEGIN CERTIFICATE')) return undefined;
  return {
    what: 'a test authority that the device trusts: a private key with its certificate',
    next: 'Ask the vendor for a device that trusts a test authority, and add keys.test: !secret path/to/authority.pem, the certificate behind the key.',
  };
}
