/** The command line: what there is, what it takes, and how errors reach a person. */

import { inspect } from 'node:util';
import { Command, CommanderError } from 'commander';
import { explain, FieldproofError, NotExecuted, UsageError } from '../errors.ts';
import { exitCodes } from '../verdict.ts';
import { addEvidenceCommands, authorityOption, benchKeyOption } from './evidence/command.ts';
import { addImageCommand } from './image/command.ts';
import { repeatable, whole, withReporting, withSelection } from './common-options.ts';
import type { GlobalOptions, RunOptions } from './options.ts';
import { version } from './paths.ts';

const examples = `
Examples:
  fieldproof run                                the simulated gateway, all suites
  fieldproof run boards/my-gateway.yaml         a device of yours
  fieldproof run --case 'SIG-*' --case RB-01    some cases
  fieldproof run --defect accept-unsigned       the simulated gateway, broken in one way
  fieldproof run boards/my-gateway.yaml --resume     goes on with its newest unfinished run
  fieldproof doctor boards/my-gateway.yaml      what is attached, what is missing, what to do about it
  fieldproof plan boards/my-gateway.yaml        what a run would do, consume and risk
  fieldproof image inspect golden.bin --key maker.pem     what an image says and covers
  fieldproof image attacks golden.bin --out attacks       every attack image from one golden image
  fieldproof report reports/out/… --lab lab.yaml --pdf    the report of a laboratory, as page and PDF
  fieldproof package reports/out/RUN            evidence in one file, signed by the bench's key
  fieldproof verify reports/out/RUN.fieldproof.tar --key …    checks it; the fingerprint comes from the lab
  fieldproof init my-bench                      a folder for boards of your own

Exit codes: 0 every applicable case conforms, 1 the device violates, 2 something was not decided
or a known violation no longer happens, 3 the bench failed, 64 wrong usage. Of verify: 0 as signed by the
expected keys, 1 not as it was signed, 2 consistent in itself, but the signer is unknown or something could
not be checked.`;

/**
 * Parses and carries out one command line.
 *
 * @returns the exit code; errors are printed, never thrown
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let code: number = exitCodes.conforms;
  const program = new Command('fieldproof')
    .description(
      'Puts an industrial gateway on a bench, attacks it over real wires, and says with evidence whether it stood firm.',
    )
    .version(version(), '-V, --version')
    .option('--json', 'output for machines, on standard output')
    .option('--verbose', 'show stack traces of errors')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(fieldproof --help shows all commands)')
    .showSuggestionAfterError()
    .addHelpText('after', examples)
    .exitOverride();
  const options = <T>(command: Command): T => command.optsWithGlobals<T & object>();

  withReporting(
    withSelection(
      program.command('run').description('runs the suites against a board; ends with a table and a report'),
    ),
  )
    .addOption(
      repeatable('--defect <name>', 'switch a fault of the simulated device on (may be repeated)', 'none'),
    )
    .option('--out <folder>', 'where runs are written; default: reports/out')
    .option('--yes', 'go on unasked with stimuli that may cost the device')
    .option('--resume [run]', 'go on with an interrupted run: this folder, or the newest of the board')
    .option('--within <minutes>', 'deadline of the whole run', whole(1), 360)
    .option('--no-report', 'leave the HTML reports out')
    .addOption(benchKeyOption())
    .addOption(authorityOption())
    .addOption(program.createOption('--lane <n>').default('').hideHelp())
    .action(async (board: string | undefined, _opts: unknown, command: Command) => {
      const given = Object.keys(command.opts()).filter(
        (name) => command.getOptionValueSource(name) === 'cli',
      );
      const all = { ...options<RunOptions>(command), given };
      if (all.resume === undefined) {
        const { runCommand } = await import('./run-command.ts');
        code = await runCommand(board, all, argv.slice(2));
      } else {
        const { resumeCommand } = await import('./resume-command.ts');
        code = await resumeCommand(board, all, argv.slice(2));
      }
    });

  withSelection(
    program
      .command('plan')
      .description('cases, missing inputs, time, what is consumed and what may harm; opens nothing'),
  ).action(async (board: string | undefined, _opts: unknown, command: Command) => {
    const { planCommand } = await import('./plan-command.ts');
    code = await planCommand(board, options<RunOptions>(command));
  });

  program
    .command('list')
    .description('lists cases, requirements, boards, drivers or defects')
    .argument('<what>', 'cases | requirements | boards | drivers | defects')
    .action(async (what: string, _opts: unknown, command: Command) => {
      const { listCommand } = await import('./list-command.ts');
      code = await listCommand(what, options<GlobalOptions>(command));
    });

  program
    .command('doctor')
    .description('what is attached, what answers, what is missing, and what to do about each')
    .argument('[board]', 'board file; default: boards/simulated-gateway.yaml')
    .action(async (board: string | undefined, _opts: unknown, command: Command) => {
      const { doctorCommand } = await import('./doctor-command.ts');
      code = await doctorCommand(board, options<GlobalOptions>(command));
    });

  program
    .command('qualify')
    .description('the kill matrix: proves with a broken device that every case can fail')
    .option('--full', 'every case against every defect (hours)')
    .addOption(repeatable('--defect <name>', 'only this defect (may be repeated)', 'all'))
    .addOption(repeatable('--board <name>', 'only this simulated board (may be repeated)', 'all'))
    .option('--lanes <n>', 'runs beside each other', whole(1), 2)
    .option('--write <file>', 'also writes the matrix as Markdown')
    .option('--out <folder>', 'where runs are written; default: reports/out/qualify')
    .action(async (_opts: unknown, command: Command) => {
      const { qualifyCommand } = await import('./qualify-command.ts');
      code = await qualifyCommand(options(command));
    });

  withReporting(
    program
      .command('report')
      .description('makes table and reports again from the record of a run')
      .argument('<run>', 'folder of a run, such as reports/out/20260508T101500Z-…'),
  )
    .option('--known <file>', 'known violations, instead of the list that the run was made with')
    .action(async (run: string, _opts: unknown, command: Command) => {
      const { reportCommand } = await import('./report-command.ts');
      code = await reportCommand(run, options(command));
    });

  addEvidenceCommands(program, (ended) => (code = ended));
  program
    .command('diff')
    .description(
      'what changed between two runs, or two firmware versions; exit code 1 when something is worse',
    )
    .argument('<before>', 'folder of the earlier run')
    .argument('<after>', 'folder of the later run')
    .action(async (before: string, after: string, _opts: unknown, command: Command) => {
      const { diffCommand } = await import('./diff-command.ts');
      code = diffCommand(before, after, options<GlobalOptions>(command));
    });

  addImageCommand(program, (ended) => (code = ended));

  program
    .command('init')
    .description('writes a folder for boards of your own: a board file, a declaration, a profile example')
    .argument('<folder>', 'the folder to make; it must be new or empty')
    .action(async (folder: string) => {
      const { initCommand } = await import('./init-command.ts');
      code = initCommand(folder);
    });

  try {
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    return failed(error, { json: argv.includes('--json'), verbose: argv.includes('--verbose') });
  }
}

/** One clear message with the next step; the stack only on request; the same for machines on standard output. */
function failed(error: unknown, { json, verbose }: { json: boolean; verbose: boolean }): number {
  // Help and version end as CommanderError too, with code 0; commander has printed its message already.
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.conforms;
  const code = exitCodeOfError(error);
  if (!(error instanceof CommanderError)) process.stderr.write(`fieldproof: ${explain(error)}\n`);
  if (verbose) process.stderr.write(`${inspect(error)}\n`);
  if (json) {
    const kind =
      error instanceof FieldproofError || error instanceof CommanderError ? error.code : 'unexpected';
    process.stdout.write(
      `${JSON.stringify({ error: { code: kind, message: explain(error) }, exitCode: code }, null, 2)}\n`,
    );
  }
  return code;
}

export function exitCodeOfError(error: unknown): number {
  if (error instanceof CommanderError || error instanceof UsageError) return exitCodes.usage;
  return error instanceof NotExecuted ? exitCodes.undecided : exitCodes.bench;
}
