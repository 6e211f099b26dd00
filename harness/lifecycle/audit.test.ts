import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { AuditEvent, Device } from '../capabilities.ts';
import { pause } from '../clock.ts';
import { Inconclusive, PortError } from '../errors.ts';
import { auditMarker, mustBeAudited } from './audit.ts';
import { setCurrentRun } from './run.ts';
import { contextOf, declared, fakeRun } from './test/fake-run.ts';

const event = (over: Partial<AuditEvent> = {}): AuditEvent => ({
  sequence: 8,
  utc: '2026-01-01T00:00:00Z',
  event: 'update-refused',
  object: 'firmware',
  result: 'refused',
  text: 'signature',
  ...over,
});

/** A log that gives these answers, one per look, the last one for ever. */
function logging(...looks: (readonly AuditEvent[] | Error)[]) {
  return loggingWithin(100, looks);
}

/** The same with a limit that no lag of a busy machine comes near, where an event is to be found. */
function loggingInTime(...looks: (readonly AuditEvent[] | Error)[]) {
  return loggingWithin(60_000, looks);
}

function loggingWithin(withinMs: number, looks: readonly (readonly AuditEvent[] | Error)[]) {
  let look = 0;
  const since = async (): Promise<readonly AuditEvent[]> => {
    const answer = looks[Math.min(look, looks.length - 1)];
    look += 1;
    if (answer instanceof Error) throw answer;
    return answer ?? [];
  };
  const device = (whole: Device): Device => ({ ...whole, audit: { since, latest: async () => 7 } });
  const audit = {
    ...declared.audit,
    withinMs,
    updateRefused: { event: 'update-refused', result: 'refused' },
  };
  return contextOf(fakeRun({ device, declaration: { audit } }));
}

describe('the audit event of a refusal', () => {
  afterEach(() => setCurrentRun(undefined));
  const gone = new PortError('port-gone', 'gone');

  it('is found at once, and later', async () => {
    assert.equal(await mustBeAudited(loggingInTime([event()]), 'updateRefused', 7), 'logged');
    const t = loggingInTime([], [event({ event: 'login' })], [event()]);
    assert.equal(await mustBeAudited(t, 'updateRefused', 7), 'logged');
    assert.deepEqual(t.findings, []);
  });

  for (const [name, other] of [
    ['nothing', []],
    ['another event', [event({ event: 'login' })]],
    ['another result', [event({ result: 'accepted' })]],
  ] as const) {
    it(`is missing when the log holds ${name}`, async () => {
      const t = logging(other);
      await mustBeAudited(t, 'updateRefused', 7);
      assert.deepEqual(
        t.findings.map(({ code }) => code),
        ['not-audited'],
      );
    });
  }

  it('is not missing because the wire is dead', async () => {
    const t = logging(gone);
    await assert.rejects(mustBeAudited(t, 'updateRefused', 7), gone);
    assert.deepEqual(t.findings, []);
  });

  it('is found although one reply was lost', async () => {
    assert.equal(await mustBeAudited(loggingInTime(gone, [event()]), 'updateRefused', 7), 'logged');
  });

  it('decides nothing when it is found late, after a look that was late itself', async () => {
    let looks = 0;
    const device = (whole: Device): Device => ({
      ...whole,
      audit: {
        latest: async () => 7,
        since: async () => {
          looks += 1;
          if (looks > 1) await pause(150); // the look began in time, and its answer came after the limit
          return looks > 1 ? [event()] : [];
        },
      },
    });
    const t = contextOf(fakeRun({ device, declaration: { audit: { ...declared.audit, withinMs: 100 } } }));
    await assert.rejects(mustBeAudited(t, 'updateRefused', 7), Inconclusive);
  });

  it('is unknown without a log, and without a declared event', async () => {
    const blind = contextOf(fakeRun({ faults: { audit: 'absent' } }));
    assert.equal(await mustBeAudited(blind, 'updateRefused', await auditMarker(blind)), 'unknown');
    const t = logging([event()]);
    assert.equal(await mustBeAudited(t, 'updateInstalled', 7), 'unknown');
    assert.match(t.notes.join(), /not required/);
  });
});
