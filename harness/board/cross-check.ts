/** Contradictions between a board and the declaration of the device on it, found before the first case. */

import type { BoardFile, LoadedBoard } from './load-board.ts';
import type { Declaration } from './declaration-schema.ts';
import type { LoadedDeclaration } from './load-declaration.ts';
import { suggestion } from './nearest.ts';
import { inOrder, type KeyPath, type Problem } from './problem.ts';
import { untrueWaivers } from './waivers.ts';

interface Contradiction {
  in: 'board' | 'declaration';
  path: KeyPath;
  message: string;
}

/**
 * Everything in which board and declaration contradict each other, with places; an empty list when nothing does.
 * What the board merely lacks (an alarm sink, a declared ingress that is not wired) is no contradiction: the cases
 * that need it come out *not-executed* and say so.
 */
export function crossCheck(board: LoadedBoard, declaration: LoadedDeclaration): Problem[] {
  const rules = [
    ingresses,
    confirmation,
    bootTime,
    controls,
    alarmWires,
    commands,
    linkAttacks,
    untrueWaivers,
  ];
  const found = rules.flatMap((rule) => rule(board.board, declaration.declaration));
  return inOrder(
    found.map(({ in: where, path, message }) =>
      where === 'declaration' ? declaration.problem(path, message) : board.sources.problem(path, message),
    ),
  );
}

function ingresses({ profile }: BoardFile, declared: Declaration): Contradiction[] {
  const known = Object.keys(declared.ingresses);
  return Object.keys(profile.firmware?.ingresses ?? {})
    .filter((name) => !known.includes(name))
    .map((name) => ({
      in: 'board',
      path: ['profile', 'firmware', 'ingresses', name],
      message: `the declaration does not name this way in${suggestion(name, known)}`,
    }));
}

function confirmation({ profile }: BoardFile, { update }: Declaration): Contradiction[] {
  if (profile.firmware === undefined || update === undefined) return [];
  const can = profile.firmware.confirm !== undefined;
  const path = ['profile', 'firmware'];
  if (update.confirmation === 'required' && !can) {
    return [
      {
        in: 'board',
        path,
        message: 'confirm is missing; the declaration says that confirmation is required',
      },
    ];
  }
  if (update.confirmation === 'none' && can) {
    return [{ in: 'board', path: [...path, 'confirm'], message: 'the declaration says confirmation: none' }];
  }
  return [];
}

function bootTime({ profile }: BoardFile, { update }: Declaration): Contradiction[] {
  const { bootsWithinMs } = profile;
  if (bootsWithinMs === undefined || update === undefined || bootsWithinMs >= update.bootsWithinMs) return [];
  const message = `${bootsWithinMs} is less than the ${update.bootsWithinMs} that the declaration allows the device`;
  return [{ in: 'board', path: ['profile', 'bootsWithinMs'], message }];
}

function controls({ profile, images }: BoardFile, declared: Declaration): Contradiction[] {
  if (profile.firmware === undefined) return [];
  const way = declared.controls?.way;
  const lacking = (role: string): Contradiction => ({
    in: 'board',
    path: ['images'],
    message: `the image ${role} is missing; the declaration says controls: way ${way}`,
  });
  // Without controls, or without a golden image, cases come out not-executed and say what to ask for.
  const found: Contradiction[] = [];
  if (way === 'pair' && images.pair === undefined) found.push(lacking('pair'));
  if (way === 'series' && (images.series ?? []).length === 0) found.push(lacking('series'));
  const left = declared.controls?.left;
  if (way === 'series' && left !== undefined && left > (images.series ?? []).length) {
    const message = `${left} images are said to be left, and the board lists ${images.series?.length ?? 0}`;
    found.push({ in: 'declaration', path: ['controls', 'left'], message });
  }
  return found;
}

function alarmWires({ profile }: BoardFile, { integrity }: Declaration): Contradiction[] {
  const known = Object.keys(profile.alarms ?? {});
  return (integrity?.alarmWires ?? []).flatMap((name, i) =>
    known.includes(name)
      ? []
      : [
          {
            in: 'declaration' as const,
            path: ['integrity', 'alarmWires', i],
            message: `the board’s profile has no alarm wire ${name}${suggestion(name, known)}`,
          },
        ],
  );
}

function commands({ profile, keys }: BoardFile, { commands: declared }: Declaration): Contradiction[] {
  if (profile.commands === undefined) return [];
  const path = ['profile', 'commands'];
  if (declared === undefined) {
    return [
      {
        in: 'board',
        path,
        message: 'the declaration has no section commands: layout and window are unknown',
      },
    ];
  }
  if (declared.mechanism === 'authenticated-messages' && keys['commands'] === undefined) {
    const message = 'the key commands is missing under keys; legitimate messages cannot be made without it';
    return [{ in: 'board', path: ['keys'], message }];
  }
  return [];
}

function linkAttacks({ profile }: BoardFile, { replay = {} }: Declaration): Contradiction[] {
  return (profile.linkAttacks ?? []).flatMap((wire, i) =>
    Object.hasOwn(replay, wire)
      ? []
      : [
          {
            in: 'board' as const,
            path: ['profile', 'linkAttacks', i],
            message: `the declaration says nothing of ${wire} under replay${suggestion(wire, Object.keys(replay))}`,
          },
        ],
  );
}
