import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { FirmwareImage } from '../../harness/capabilities.ts';
import { setCurrentRun } from '../../harness/lifecycle/run.ts';
import type { CaseBody } from '../../harness/lifecycle/test-case.ts';
import { declared, fakeRun, image, judged, payloads } from '../../harness/lifecycle/test/fake-run.ts';
import { mustKeepFloorOverFactoryReset } from './factory-reset.ts';
import { mustRevertFailingImages } from './failing-image.ts';
import { mustNotWrapCounter } from './highest-counter.ts';
import { mustGuardOverride } from './operator-override.ts';
import { mustSurviveCutReverts } from './revert-cut-sweep.ts';
import { mustRevertUnconfirmedTrial } from './unconfirmed-trial.ts';

describe('a special image that is golden all over', () => {
  afterEach(() => setCurrentRun(undefined));
  const cases: [id: string, role: string, body: CaseBody][] = [
    ['RB-05', 'maximumCounter', mustNotWrapCounter],
    ['RB-05', 'older', mustNotWrapCounter],
    ['RB-07', 'older', mustKeepFloorOverFactoryReset],
    ['RB-08', 'older', mustGuardOverride],
    ['RB-10', 'newer', mustRevertUnconfirmedTrial],
    ['RB-17', 'newer', mustSurviveCutReverts],
    ['RB-19', 'crashing', mustRevertFailingImages],
    ['RB-19', 'hanging', mustRevertFailingImages],
  ];
  for (const [id, role, body] of cases) {
    it(`as ${role} is not offered by ${id}`, async () => {
      const update = { ...declared.update!, revertsWithinMs: 500, operatorOverride: 'refused' as const };
      const run = fakeRun({
        images: ['golden', 'pair', 'older', 'newer', 'maximumCounter', 'crashing', 'hanging'],
        declaration: { update },
        device: (device) => ({
          ...device,
          firmware: { ...device.firmware!, allowOlder: async () => ({ kind: 'refused', elapsedMs: 1 }) },
        }),
      });
      (run.images as Map<string, FirmwareImage>).set(role, { ...image('golden'), name: role });
      const outcome = await judged(run, body, { id });
      assert.equal(outcome.verdict, 'not-executed', outcome.reason);
      assert.match(outcome.reason, new RegExp(`images\\.${role}: .*the role demands`));
      assert.deepEqual(payloads(run, 'answer'), []);
    });
  }
});
