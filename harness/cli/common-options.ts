/** Options that several commands have in common. */

import { InvalidArgumentError, Option, type Command } from 'commander';
import { depths } from '../lifecycle/run.ts';

/** An option that gathers its values; `none` says in the help what its absence means. */
export function repeatable(flags: string, description: string, none: string): Option {
  return new Option(flags, description)
    .argParser((value: string, previous: string[]) => [...previous, value])
    .default([], none);
}

export function whole(minimum: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (Number.isInteger(number) && number >= minimum) return number;
    throw new InvalidArgumentError(`a whole number of at least ${minimum} is needed`);
  };
}

/** How the report for people is made. */
export function withReporting(command: Command): Command {
  return command
    .option('--lab <file>', 'lab.yaml: what only the laboratory can say in the report')
    .addOption(new Option('--lang <language>', 'language of the report').choices(['en', 'zh']).default('en'))
    .addOption(
      repeatable(
        '--mapping <file>',
        'a mapping of your own, or clause texts over ours (may be repeated)',
        'ours',
      ),
    )
    .option('--pdf', 'the report as PDF too, where Chromium or Chrome is installed')
    .option('--accept-known', 'known violations (BOARD.known.yaml) do not count for the exit code');
}

/** Which cases, and how thoroughly. */
export function withSelection(command: Command): Command {
  return command
    .argument('[board]', 'board file; default: boards/simulated-gateway.yaml')
    .addOption(repeatable('--suite <name>', 'only this suite (may be repeated)', 'all'))
    .addOption(
      repeatable('--case <id>', "only this case, by id or pattern: 'SIG-*' (may be repeated)", 'all'),
    )
    .addOption(
      new Option('--depth <depth>', 'how much of each case is tried').choices(depths).default('standard'),
    )
    .addOption(
      new Option('--ingress <ways>', 'attack images through the primary way in, or through each')
        .choices(['primary', 'all'])
        .default('primary'),
    )
    .option('--cuts <n>', 'power cuts of a sweep', whole(1), 40);
}
