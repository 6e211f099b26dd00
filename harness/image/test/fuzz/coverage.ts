/**
 * Which blocks of our code were executed, from V8's own counters.
 *
 * Source: Chrome DevTools Protocol, domain Profiler, `startPreciseCoverage`, `takePreciseCoverage`.
 */

import { Session, type Profiler } from 'node:inspector';

/** Tells what was executed since the last look. */
export interface Coverage {
  look(): Look;
  /** Blocks that were executed in some remembered look. */
  readonly blocks: number;
  /** The same counters for somebody who remembers nothing yet. */
  fresh(): Coverage;
  close(): void;
}

export interface Look {
  /** True when something was executed that no remembered look has. */
  news: boolean;
  remember(): void;
}

/** One script: a byte for each character, 1 when it was executed, and where blocks begin. */
interface ScriptMap {
  executed: Uint8Array;
  starts: Set<number>;
}

/**
 * Must be called before the code of interest is imported: functions that are compiled already have no counters for
 * their blocks.
 *
 * @param matters by the URL of a script
 * @returns undefined when this Node.js cannot
 */
export function startCoverage(matters: (url: string) => boolean): Coverage | undefined {
  try {
    const session = new Session();
    session.connect();
    session.post('Profiler.enable');
    // With call counts the counters begin anew at each look, so that an input can be tried again by itself.
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    const coverage = new PreciseCoverage(session, matters);
    coverage.look();
    return coverage;
  } catch {
    return undefined;
  }
}

class PreciseCoverage implements Coverage {
  readonly #session: Session;
  readonly #matters: (url: string) => boolean;
  readonly #scripts = new Map<string, ScriptMap>();

  constructor(session: Session, matters: (url: string) => boolean) {
    this.#session = session;
    this.#matters = matters;
  }

  look(): Look {
    const executed = this.#take().map((script) => {
      const map = this.#mapOf(script);
      return { map, now: executedCharacters(script, map) };
    });
    return {
      news: executed.some(({ map, now }) => now.some((ran, at) => ran > (map.executed[at] ?? 0))),
      remember: () => {
        for (const { map, now } of executed) {
          for (const [at, ran] of now.entries()) if (ran === 1) map.executed[at] = 1;
        }
      },
    };
  }

  get blocks(): number {
    let blocks = 0;
    for (const { executed, starts } of this.#scripts.values()) {
      for (const start of starts) blocks += executed[start] ?? 0;
    }
    return blocks;
  }

  fresh(): Coverage {
    return new PreciseCoverage(this.#session, this.#matters);
  }

  close(): void {
    this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  #take(): Profiler.ScriptCoverage[] {
    let scripts: Profiler.ScriptCoverage[] = [];
    let failed: Error | null = null;
    // Within one process the answer is there when post() returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      failed = error;
      if (error === null) scripts = answer.result;
    });
    if (failed !== null) throw new Error('no coverage', { cause: failed });
    return scripts.filter(({ url }) => this.#matters(url));
  }

  #mapOf({ scriptId, functions }: Profiler.ScriptCoverage): ScriptMap {
    const end = Math.max(0, ...functions.flatMap(({ ranges }) => ranges.map(({ endOffset }) => endOffset)));
    const known = this.#scripts.get(scriptId) ?? { executed: new Uint8Array(0), starts: new Set() };
    if (known.executed.length < end) {
      const grown = new Uint8Array(end);
      grown.set(known.executed);
      known.executed = grown;
    }
    this.#scripts.set(scriptId, known);
    return known;
  }
}

/** Ranges nest, the inner ones come later: blocks inside a function, functions inside a function. */
function executedCharacters({ functions }: Profiler.ScriptCoverage, map: ScriptMap): Uint8Array {
  const now = new Uint8Array(map.executed.length);
  for (const { ranges } of functions) {
    if (ranges[0]?.startOffset === 0) continue; // the module itself, which runs once
    for (const { startOffset, endOffset, count } of ranges) {
      now.fill(count > 0 ? 1 : 0, startOffset, endOffset);
      map.starts.add(startOffset);
      // What follows a block that is left early is one of its own.
      map.starts.add(endOffset);
    }
  }
  return now;
}
