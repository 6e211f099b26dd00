/** One child at its work: what it says, and whether it hangs or dies of an input. */

import { fork } from 'node:child_process';
import { join } from 'node:path';
import { recorded } from './recorder.ts';
import type { FuzzInput, Job, Message } from './job.ts';

/** A heap that our parsers never need: what grows beyond has a fault. */
const heapMiB = 384;
/** One input may take so long. Generous: the machine may be busy. */
const hangMs = 5000;
const lookEveryMs = 500;

export type Ending =
  | { how: 'done' }
  /** Killed, because this input did not end. */
  | { how: 'hang'; input: FuzzInput }
  /** Died, most likely of this input. */
  | { how: 'crash'; input: FuzzInput | undefined; log: string };

export function runChild(job: Job, hear: (message: Message) => void): Promise<Ending> {
  const child = fork(join(import.meta.dirname, 'child.ts'), [JSON.stringify(job)], {
    execArgv: ['--import', 'tsx', `--max-old-space-size=${heapMiB}`, '--enable-source-maps'],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4000)));
  let done = false;
  child.on('message', (message: Message) => {
    if (message.kind === 'done') done = true;
    else hear(message);
  });
  return new Promise((resolve) => {
    let hanging: FuzzInput | undefined;
    const timer = setInterval(
      watchFor(job.recorder, (input) => {
        hanging = input;
        child.kill('SIGKILL');
      }),
      lookEveryMs,
    );
    child.once('close', () => {
      clearInterval(timer);
      if (hanging !== undefined) resolve({ how: 'hang', input: hanging });
      else if (done) resolve({ how: 'done' });
      else resolve({ how: 'crash', input: recorded(job.recorder)?.input, log });
    });
  });
}

/** Calls back once the same input has been run for too long. */
function watchFor(recorder: string, hangs: (input: FuzzInput) => void): () => void {
  let count = -1;
  let since = Date.now();
  return () => {
    const now = recorded(recorder);
    if (now === undefined || now.count !== count) {
      count = now?.count ?? -1;
      since = Date.now();
    } else if (Date.now() - since > hangMs) {
      hangs(now.input);
    }
  };
}
