/** What a case needs of a board, in words that `plan` and `doctor` can turn into a shopping list. */

import type { BoardFile } from '../board/index.ts';

export type Need =
  | `image:${string}`
  | `key:${string}`
  | `tamper:${string}`
  | `attack:${string}`
  | 'firmware'
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

const imageWords: Readonly<Record<string, string>> = {
  golden: 'a release image, validly signed by the vendor',
  pair: 'a second validly signed image that the device lets alternate with the golden one (same security counter)',
  older: 'a validly signed older release, with a lower security counter',
  newer: 'a validly signed newer release, with a higher security counter',
  lowerCounter: 'an image signed by the vendor with a higher version text but a lower security counter',
  noCounter: 'an image signed by the vendor without a security counter',
};

/** The needs that this board cannot meet, judged from its file alone. */
export function missingNeeds(needs: readonly Need[], board: BoardFile): MissingNeed[] {
  return needs.flatMap((need) => {
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
        `image "${name}": ${imageWords[name] ?? 'an image of the vendor'}`,
        `Ask the vendor for it and add images.${name} with file and sha256.`,
      );
    case 'key':
      return absent(
        board.keys[name],
        `key "${name}"`,
        `Add keys.${name}: !secret path/to/key to the board file.`,
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
