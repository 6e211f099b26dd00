/** Compares what runs with what was verified, every 100 ms; and the watchdog that watches the monitor. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type AlarmObject, type Alarms } from './alarms.ts';
import { type Configuration } from './configuration.ts';
import { type DefectName, type Defects } from './defects.ts';
import { type ProcessList } from './process-list.ts';

const EVERY_MS = 100;
/** Watchdog rounds without a round of the monitor. Rounds, not time: a busy machine delays both alike. */
const MISSED_ROUNDS = 4;

export interface Watched {
  /** The running image's copy in memory. */
  memory: Buffer;
  /** The running image's file. */
  executablePath: string;
  configuration: Configuration;
  processes: ProcessList;
}

/** What the objects must hash to. */
interface Baseline {
  code: string;
  memory: string;
  configuration: string;
}

interface Finding {
  object: AlarmObject;
  text: string;
  /** The defect that makes the monitor blind to it. */
  missedBy?: DefectName;
  differs(): boolean;
}

export class IntegrityMonitor {
  readonly #watched: Watched;
  readonly #alarms: Alarms;
  readonly #defects: Defects;
  readonly #findings: readonly Finding[];
  #baseline: Baseline;
  /** Digest over the baseline itself, kept apart from it. */
  #seal: string;
  #rounds = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(watched: Watched, alarms: Alarms, defects: Defects) {
    this.#watched = watched;
    this.#alarms = alarms;
    this.#defects = defects;
    this.#baseline = this.#measure();
    this.#seal = sealOf(this.#baseline);
    this.#findings = this.#allFindings().filter(
      ({ missedBy }) => missedBy === undefined || !defects.has(missedBy),
    );
  }

  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#round(), EVERY_MS);
    this.#rounds += 1; // a sign of life at once, so that the watchdog does not see the gap
  }

  /** For the maintenance port. */
  kill(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  startWatchdog(): void {
    if (this.#defects.has('misses-monitor')) return;
    let seen = -1;
    let missed = 0;
    setInterval(() => {
      missed = seen === this.#rounds ? missed + 1 : 0;
      seen = this.#rounds;
      if (missed >= MISSED_ROUNDS) this.#alarms.raise('monitor', 'the integrity monitor does not run');
    }, EVERY_MS);
  }

  /** For the maintenance port: a reference digest that was replaced. */
  corruptBaseline(): void {
    this.#baseline = { ...this.#baseline, memory: '0'.repeat(64) };
  }

  /** Measures anew; for `restore`, after everything watched has been put right. */
  restoreBaseline(): void {
    this.#baseline = this.#measure();
    this.#seal = sealOf(this.#baseline);
  }

  #round(): void {
    this.#rounds += 1;
    for (const finding of this.#findings) {
      if (finding.differs()) this.#alarms.raise(finding.object, finding.text);
    }
  }

  #measure(): Baseline {
    return {
      code: fileDigest(this.#watched.executablePath),
      memory: digest(this.#watched.memory),
      configuration: this.#watched.configuration.digest(),
    };
  }

  #allFindings(): Finding[] {
    const { memory, executablePath, configuration, processes } = this.#watched;
    const intact = (): boolean => this.#seal === sealOf(this.#baseline);
    return [
      {
        object: 'baseline',
        text: 'the reference digests were altered',
        missedBy: 'misses-baseline',
        differs: () => !intact(),
      },
      {
        object: 'code',
        text: 'the executable differs from the verified image',
        missedBy: 'misses-executable',
        differs: () => fileDigest(executablePath) !== this.#baseline.code,
      },
      {
        object: 'memory',
        text: 'code in memory differs from the verified image',
        missedBy: 'misses-memory',
        // Against an altered reference everything differs: that is the baseline's alarm, not the memory's.
        differs: () => intact() && digest(memory) !== this.#baseline.memory,
      },
      {
        object: 'configuration',
        text: 'the configuration was altered',
        differs: () => configuration.digest() !== this.#baseline.configuration,
      },
      {
        object: 'process-list',
        text: 'an unknown process runs',
        missedBy: 'misses-processes',
        differs: () => processes.unknown().length > 0,
      },
    ];
  }
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function fileDigest(path: string): string {
  try {
    return digest(readFileSync(path));
  } catch {
    return 'missing';
  }
}

function sealOf(baseline: Baseline): string {
  return digest(Buffer.from(JSON.stringify(baseline)));
}
