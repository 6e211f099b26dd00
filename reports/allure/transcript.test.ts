import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { madeUpHeader } from '../../harness/record/made-up-run.ts';
import { readRun } from '../../harness/record/read.ts';
import { RunRecord } from '../../harness/record/record.ts';
import { countVerdicts } from '../../harness/record/run-model.ts';
import { transcriptChars, transcripts } from './transcript.ts';

describe('The transcript of a wire', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'transcript-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  function transcriptOf(traffic: (record: RunRecord) => void): string {
    const record = RunRecord.open({ dir });
    record.append('run-opened', madeUpHeader(record.runId));
    traffic(record);
    record.close({ verdict: 'conforms', counts: countVerdicts([]), tookMs: 1, interrupted: false });
    const whole = { caseId: 'A', fromMs: 0, toMs: Infinity };
    const [transcript, ...more] = transcripts(dir, readRun(dir).entries, [whole]);
    assert.ok(transcript !== undefined && more.length === 0);
    return transcript.text;
  }

  it('keeps the beginning and the end of a long traffic, and says how much it left out', () => {
    const text = transcriptOf((record) => {
      const wire = record.wireLog('modbus');
      for (let index = 0; index < 5000; index += 1) wire.sent(Buffer.from(`burst ${index}`));
    });
    assert.ok(text.length <= transcriptChars * 1.05, `${text.length} characters`);
    assert.match(text, /\|burst 0\|/);
    assert.match(text, /\|burst 4999\|/);
    assert.ok(!text.includes('|burst 2500|'));
    const leftOut = Number(/\.\.\. (\d+) bursts left out/.exec(text)?.[1]);
    assert.equal(text.match(/\|burst \d+\|/g)?.length, 5000 - leftOut);
  });

  it('shows time, direction, hex and printable text, and events between them', () => {
    const text = transcriptOf((record) => {
      const wire = record.wireLog('console');
      wire.event('opened at 115200');
      wire.sent(Buffer.from('0123456789abcdef\u0007', 'latin1'));
      wire.received(Buffer.alloc(1000, 0x41));
    });
    const [event = '', sent = '', more = '', received = ''] = text.split('\n');
    assert.match(event, /^\d\d:\d\d:\d\d\.\d{3} +\+\d+\.\d ms {2}-- opened at 115200$/);
    assert.match(sent, />> 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 {2}\|0123456789abcdef\|$/);
    assert.match(more, /^ {31}07 +\|\.\|$/);
    assert.match(received, /<< 41 41/);
    assert.match(text, /\.\.\. 744 more bytes in this burst\n$/);
  });
});
