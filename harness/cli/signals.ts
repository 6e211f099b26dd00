/** Ctrl-C and its kin: a device is never left as a case happened to have it. */

import { exitCodes } from '../verdict.ts';

/** What a signal may ask of a run. */
export interface Stoppable {
  /** Ends the running case and keeps the next ones from starting. */
  interrupt(reason: string): void;
  /** Leaves the supply as the board file wants it. */
  safeState(): Promise<void>;
}

const safeStateWithinMs = 5000;

/**
 * First signal: end the case, tear down, write what there is. Second: the safe state, and out.
 *
 * @returns stops listening
 */
export function stopOnSignal(run: Stoppable): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let count = 0;
  const stop = (signal: NodeJS.Signals): void => {
    count += 1;
    if (count === 1) {
      process.stderr.write(`\n${signal}: ending the case and tearing down; once more to leave at once\n`);
      run.interrupt(`the operator ended the run (${signal})`);
    } else if (count === 2) {
      process.stderr.write('leaving at once: safe state, then out\n');
      const leave = (): never => process.exit(exitCodes.bench);
      setTimeout(leave, safeStateWithinMs).unref();
      void run.safeState().then(leave, leave);
    }
  };
  for (const signal of signals) process.on(signal, stop);
  return () => {
    for (const signal of signals) process.off(signal, stop);
  };
}
