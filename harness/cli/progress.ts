/** Live progress: which case, how many of how many, elapsed. One changing line on a terminal, plain lines elsewhere. */

import { Deadline } from '../clock.ts';
import type { RunProgress } from '../lifecycle/run.ts';
import type { Verdict } from '../verdict.ts';

/** Progress that says nothing, for `--json` and `--quiet`. */
export const silentProgress: RunProgress = { caseStarted() {}, caseEnded() {} };

export function liveProgress(total: number, out: NodeJS.WriteStream): RunProgress & { done(): void } {
  const clock = new Deadline(0);
  const seen = new Set<string>();
  let line = '';
  const elapsed = (): string => `${(clock.elapsedMs / 1000).toFixed(0).padStart(3)} s`;
  const draw = (): void => {
    if (!out.isTTY) return;
    const width = out.columns > 0 ? out.columns : 80;
    out.write(`\r\x1b[2K${`${elapsed()}  ${line}`.slice(0, width - 1)}`);
  };
  const timer = out.isTTY ? setInterval(draw, 500) : undefined;
  timer?.unref();
  return {
    caseStarted(id, title) {
      const again = seen.has(id) ? ' again, alone' : '';
      seen.add(id);
      line = `[${seen.size}/${total}] ${id} ${title}${again}`;
      if (out.isTTY) draw();
      else out.write(`${elapsed()}  ${line}\n`);
    },
    caseEnded(id: string, verdict: Verdict, provisional: boolean, _reason: string, tookMs: number) {
      if (provisional || verdict === 'conforms') return;
      const said = `${elapsed()}  ${id} ${verdict} (${(tookMs / 1000).toFixed(1)} s)\n`;
      out.write(out.isTTY ? `\r\x1b[2K${said}` : said);
    },
    done() {
      clearInterval(timer);
      if (out.isTTY) out.write('\r\x1b[2K');
    },
  };
}
