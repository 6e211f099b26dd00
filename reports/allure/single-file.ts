/** The report as one HTML file that loads nothing, made by Allure 3 in this process. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { offline } from './offline.ts';
import type { AllurePlan } from './plan.ts';

/** The little that is used of `@allurereport/core`, on which the `allure` package depends. */
interface AllureCore {
  AllureReport: new (config: object) => {
    start(): Promise<void>;
    readDirectory(dir: string): Promise<void>;
    done(): Promise<void>;
  };
}
interface AllurePlugin {
  start(context: object, store: unknown): Promise<void>;
  done(context: object, store: unknown): Promise<void>;
}
interface AwesomeModule {
  default: new (options: object) => AllurePlugin;
}

/** Of Allure's sixteen graphs those that say something of a device under test; the others would stand there empty. */
const chartsOf = (limit: number): object[] => [
  { type: 'currentStatus', title: 'This run' },
  { type: 'statusDynamics', title: 'Verdicts over the runs of this board', limit },
  { type: 'statusTransitions', title: 'What became better and worse from run to run', limit },
  {
    type: 'testResultSeverities',
    title: 'By severity',
    levels: ['critical', 'normal', 'minor'],
    statuses: ['passed', 'failed', 'broken', 'skipped', 'unknown'],
  },
  { type: 'durations', title: 'How long cases took', groupBy: 'none' },
  { type: 'durationDynamics', title: 'How long runs took', limit },
];

/** @param scratch folder for what Allure writes beside the report; the caller removes it */
export async function makeSingleFile(plan: AllurePlan, scratch: string): Promise<void> {
  const fromAllure = createRequire(createRequire(import.meta.url).resolve('allure'));
  const load = async (name: string) =>
    (await import(pathToFileURL(fromAllure.resolve(name)).href)) as unknown;
  const { AllureReport } = (await load('@allurereport/core')) as AllureCore;
  const { default: AwesomePlugin } = (await load('@allurereport/plugin-awesome')) as AwesomeModule;
  const options = {
    singleFile: true,
    reportName: plan.title,
    reportLanguage: 'en',
    groupBy: ['suite'],
    charts: chartsOf(plan.history.limit),
  };
  const pages = new Map<string, Buffer>();
  const historyFile = join(scratch, 'history.jsonl');
  const history = new History(plan.history.file, plan.runId);
  writeFileSync(historyFile, history.before.map((line) => `${line}\n`).join(''));
  const report = new AllureReport({
    name: plan.title,
    output: scratch,
    open: false,
    port: undefined,
    cwd: scratch,
    historyPath: historyFile,
    historyLimit: plan.history.limit,
    appendHistory: true,
    categories: plan.rules,
    reportFiles: {
      addFile: async (path: string, data: Buffer) => {
        pages.set(path, data);
        return path;
      },
    },
    plugins: [{ id: 'awesome', enabled: true, options, plugin: withoutCi(new AwesomePlugin(options)) }],
  });
  await report.start();
  await report.readDirectory(plan.results);
  await report.done();
  const page = pages.get('awesome/index.html');
  if (page === undefined)
    throw new Error(`Allure made no page; it made ${[...pages.keys()].join(', ') || 'nothing'}`);
  mkdirSync(dirname(plan.report), { recursive: true });
  writeFileSync(plan.report, offline(page.toString('utf8')));
  history.store(readFileSync(historyFile, 'utf8'), plan.history.limit);
}

/** Allure would show the name of the folder and the branch from which it was started. */
function withoutCi(plugin: AllurePlugin): AllurePlugin {
  return {
    start: (context, store) => plugin.start({ ...context, ci: undefined }, store),
    done: (context, store) => plugin.done({ ...context, ci: undefined }, store),
  };
}

/** The runs of one board, a JSON line each. A report made again replaces its own line and sees only earlier ones. */
class History {
  readonly before: readonly string[];
  readonly #after: readonly string[];
  readonly #file: string;
  readonly #runId: string;

  constructor(file: string, runId: string) {
    this.#file = file;
    this.#runId = runId;
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(isPoint) : [];
    const own = lines.findIndex((line) => (JSON.parse(line) as { runId?: string }).runId === runId);
    this.before = own < 0 ? lines : lines.slice(0, own);
    this.#after = own < 0 ? [] : lines.slice(own + 1);
  }

  /** @param made Allure's file, of which the last line is this run's */
  store(made: string, limit: number): void {
    const last = made.split('\n').filter(isPoint).at(-1);
    if (last === undefined) return;
    const own = JSON.stringify({ ...(JSON.parse(last) as object), runId: this.#runId });
    const lines = [...this.before, own, ...this.#after].slice(-limit);
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(this.#file, lines.map((line) => `${line}\n`).join(''));
  }
}

/** A line torn by a power loss is dropped rather than losing the report. */
function isPoint(line: string): boolean {
  try {
    return typeof JSON.parse(line) === 'object';
  } catch {
    return false;
  }
}
