/** The page on paper: printed to PDF by a Chromium that is installed, if there is one. */

import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { within } from '../../harness/clock.ts';
import { EvidenceError } from '../../harness/errors.ts';

const programs = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'microsoft-edge',
];

/** Absolute path of a Chromium or a browser made from it; `CHROME_PATH` names another. Undefined when there is none. */
export function findChromium(
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const named = env['CHROME_PATH'];
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = programs.flatMap((program) => folders.map((folder) => join(folder, program)));
  return [...(named === undefined || named === '' ? [] : [named]), ...candidates].find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Prints a page to a PDF file beside it.
 *
 * @param withinMs how long it may take (default 120 000 ms)
 * @returns undefined when no browser is installed
 * @throws EvidenceError when the browser makes no file
 */
export async function printPdf(
  page: string,
  pdf: string,
  withinMs = 120_000,
  chromium = findChromium(),
): Promise<string | undefined> {
  if (chromium === undefined) return undefined;
  const profile = mkdtempSync(join(tmpdir(), 'fieldproof-pdf-'));
  rmSync(pdf, { force: true });
  // The page is ours and runs one script that its policy allows, so that the sandbox, which needs rights that
  // containers and many test systems do not give, adds nothing.
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
  ];
  const print = ['--no-pdf-header-footer', `--user-data-dir=${profile}`, `--print-to-pdf=${pdf}`];
  try {
    const said = await run(chromium, [...flags, ...print, pathToFileURL(page).href], withinMs);
    if (!existsSync(pdf)) throw new Error(`${chromium} wrote no file: ${said}`);
    return pdf;
  } catch (cause) {
    throw new EvidenceError('no-pdf', `cannot print ${page} to PDF`, {
      hint: 'Open the page in a browser and print it from there: it is made for A4.',
      cause,
    });
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The browser has helpers of its own: it leads a process group, which is ended as a whole. */
async function run(program: string, arguments_: readonly string[], withinMs: number): Promise<string> {
  const child = spawn(program, arguments_, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  try {
    const code = await within(ended, withinMs, 'printing the report');
    if (code !== 0) throw new Error(`the browser ended with ${code}: ${said.trim()}`);
    return said.trim();
  } finally {
    if (child.pid !== undefined) endGroup(child.pid);
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
