/**
 * SWUpdate itself, as a daemon that is offered each image by its own client. What it wrote to its targets decides.
 *
 * Run once for each image it would sleep for a second each time. This version looks for issuers only in its own store, not
 * among the certificates of the CMS: it is given the intermediate authority beside the root.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  openSync,
  closeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome, RealImage, RealVerifier } from '../real-verifier.ts';
import { ran } from '../run-tool.ts';
import { makeSwupdateImages } from '../swupdate-images.ts';

const targetBytes = 8192;
const targets = ['rootfs.img', 'kernel.img'];
/** Where the attacks with foreign names would write. */
const escaped = '/tmp/fieldproof-escaped';

export const verifier: RealVerifier = {
  name: 'swupdate',
  packages: ['swupdate', 'cpio', 'openssl'],
  version() {
    try {
      ran('cpio', ['--version']);
      ran('swupdate', ['--version']);
      const { text } = ran('dpkg-query', ['-W', '-f', '${Version}', 'swupdate']);
      return text.trim();
    } catch {
      return undefined;
    }
  },
  images(folder) {
    const state = join(folder, 'target');
    mkdirSync(state);
    return makeSwupdateImages(folder, (file) => join(state, file)).map((fixture, index): RealImage => {
      const daemon = new Daemon(join(folder, `run${index}`), fixture.both.path);
      return {
        name: fixture.name,
        path: fixture.path,
        secondPath: fixture.secondPath,
        keys: fixture.both.keys,
        testKey: fixture.testKey,
        policy: {
          lowerVersion: 'refuse',
          hardwareCompatibility: 'checked',
          certificateTime: 'checked',
          certificatePurpose: 'checked',
          appendedData: 'ignore',
        },
        ask: (path) => offer(daemon, path, state),
      };
    });
  },
};

async function offer(daemon: Daemon, path: string, state: string): Promise<Outcome> {
  for (const name of targets) {
    writeFileSync(join(state, name), '');
    truncateSync(join(state, name), targetBytes);
  }
  rmSync(escaped, { force: true });
  const log = await daemon.offer(path);
  if (log === undefined) return { verdict: 'crashes', log: daemon.log() };
  if (existsSync(escaped)) return { verdict: 'crashes', log: `it wrote ${escaped}\n${log}` };
  const written = targets.map((name) => readFileSync(join(state, name)).some((byte) => byte !== 0));
  // One of two written is an update that was begun: worse than a refusal.
  return { verdict: written.includes(true) ? 'accepts' : 'refuses', log };
}

class Daemon {
  readonly #folder: string;
  readonly #root: string;
  #process: ChildProcess | undefined;

  constructor(folder: string, root: string) {
    this.#folder = folder;
    this.#root = root;
    mkdirSync(folder);
    process.on('exit', () => this.#kill());
  }

  log(): string {
    return readFileSync(join(this.#folder, 'log'), 'utf8');
  }

  /** What it said of the image; undefined when it died of it, or came to no end within ten seconds. */
  async offer(path: string): Promise<string | undefined> {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const said = await this.#offerOnce(path);
      if (said !== 'unheard') return said;
      // It says that it waits just before it does: an offer in between is lost.
      this.#kill();
    }
    return undefined;
  }

  async #offerOnce(path: string): Promise<string | undefined> {
    const daemon = await this.#started();
    const before = this.log().length;
    // The client ends by itself, a second later. Killed, it would take the daemon with it (SIGPIPE).
    spawn('swupdate-client', [path], { env: this.#env(), stdio: 'ignore' }).unref();
    for (let waited = 0; waited < 10_000; waited += 5) {
      const log = this.log().slice(before);
      if (log.includes('Waiting for requests')) return log;
      const dead = daemon.exitCode !== null || daemon.signalCode !== null;
      const heard = log.includes('started');
      if (!heard && (dead || waited > 1000)) return 'unheard';
      if (dead) break;
      await sleep(5);
    }
    this.#kill();
    return undefined;
  }

  /** It, and what it forked. */
  #kill(): void {
    const { pid } = this.#process ?? {};
    this.#process = undefined;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // dead already
    }
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, TMPDIR: this.#folder, LC_ALL: 'C' };
  }

  async #started(): Promise<ChildProcess> {
    if (this.#process !== undefined) return this.#process;
    rmSync(join(this.#folder, 'sockinstctrl'), { force: true });
    const log = openSync(join(this.#folder, 'log'), 'w');
    // No downgrade below what runs: the version of the golden image.
    const options = ['-k', this.#root, '-H', 'dev:1.0', '-N', '1.2.0', '-l', '3'];
    this.#process = spawn('stdbuf', ['-oL', '-eL', 'swupdate', ...options], {
      env: this.#env(),
      stdio: ['ignore', log, log],
      detached: true,
    });
    this.#process.unref();
    closeSync(log);
    for (let waited = 0; waited < 5000 && !existsSync(join(this.#folder, 'sockinstctrl')); waited += 10)
      await sleep(10);
    await sleep(50);
    return this.#process;
  }
}
