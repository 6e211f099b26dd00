/** Live progress: which case, how many of how many, elapsed. One changing line on a terminal, plain lines elsewhere. */

import { Deadline } from '../clock.ts';
import type { RunProgress } from '../lifecycle/run.ts';
import type { Verdict } from '../verdict.ts';

/** Progress of a command that takes its time. */
export interface Progress extends RunProgress {
  /** What is being done before, between and after the cases: "opening the wires". */
  phase(what: string): void;
  /** Takes the changing line away. Safe twice. */
  done(): void;
}

/** Progress that says nothing, for `--json`. */
export const silentProgress: Progress = { caseStarted() {}, caseEnded() {}, phase() {}, done() {} };

/**
 * @param total how many cases there are
 * @param out usually standard error, so that standard output holds nothing but results
 */
export function liveProgress(total: number, out: NodeJS.WriteStream): Progress {
  const clock = new Deadline(0);
  const seen = new Set<string>();
  let line = '';
  const elapsed = (): string => `${(clock.elapsedMs / 1000).toFixed(0).padStart(4)} s`;
  const draw = (): void => {
    if (!out.isTTY) return;
    const width = out.columns > 0 ? out.columns : 80;
    out.write(`\r\x1b[2K${`${elapsed()}  ${line}`.slice(0, width - 1)}`);
  };
  const show = (text: string): void => {
    line = text;
    if (out.isTTY) draw();
    else out.write(`${elapsed()}  ${text}\n`);
  };
  const timer = out.isTTY ? setInterval(draw, 500) : undefined;
  timer?.unref();
  return {
    phase: show,
    caseStarted(id, title) {
      const again = seen.has(id) ? ' again, alone' : '';
      seen.add(id);
      show(`[${seen.size}/${total}] ${id} ${title}${again}`);
    },
    caseEnded(id: string, verdict: Verdict, provisional: boolean, _reason: string, tookMs: number) {
      if (provisional || verdict === 'conforms') return;
      const said = `${elapsed()}  ${id} ${verdict} (${(tookMs / 1000).toFixed(1)} s)\n`;
      out.write(out.isTTY ? `\r\x1b[2K${said}` : said);
    },
    done() {
      clearInterval(timer);
      if (out.isTTY && line !== '') out.write('\r\x1b[2K');
      line = '';
    },
  };
}
