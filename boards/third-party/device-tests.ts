/** The tests that every third-party device has: its boards judged, and each verdict held against `verdicts.yaml`. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { heldBy, missingOf, type RunningDevice, type ThirdPartyDevice } from './device.ts';
import {
  mustBeAsExplained,
  readExpectedVerdicts,
  unexplained,
  type JudgedBoard,
} from './expected-verdicts.ts';
import { judge, type Judgement } from './judge.ts';

/** Registers tests only where the device can be made; else one that is skipped, and says for want of what. */
export function whereInstalled(device: ThirdPartyDevice, tests: () => void): void {
  const missing = missingOf(device);
  describe(device.title, function () {
    this.timeout(0); // deadlines are the harness's own
    if (missing.length === 0) return tests();
    const why = `SKIPPED for want of ${missing.join(', ')} (Debian: ${heldBy(device)})`;
    it(why, function () {
      if (process.env['REQUIRE_DEVICES'] !== undefined) assert.fail(why);
      this.skip();
    });
  });
}

/** A folder, and the device of one board running in it, for the tests of one `describe`. */
export function running(
  device: ThirdPartyDevice,
  board: string,
): { folder: () => string; device: () => RunningDevice } {
  let folder = '';
  let started: RunningDevice | undefined;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), `fieldproof-${device.name}-`));
    mkdirSync(join(folder, 'device'));
    started = await device.start(board, join(folder, 'device'));
  });
  after(async () => {
    await started?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder: () => folder,
    device: () => {
      assert.ok(started, 'the device is not running');
      return started;
    },
  };
}

/** Judges every board of the device's `verdicts.yaml`. */
export function verdictsAreAsExplained(device: ThirdPartyDevice): void {
  const file = join(import.meta.dirname, device.name, 'verdicts.yaml');
  for (const judged of readExpectedVerdicts(file)) {
    describe(`${judged.board}: ${judged.about}`, () => judgedAsExplained(device, judged));
  }
}

function judgedAsExplained(device: ThirdPartyDevice, { board, options, verdicts }: JudgedBoard): void {
  const bench = running(device, board);
  let judgement: Judgement;
  before(async () => {
    const boardFile = join(import.meta.dirname, device.name, `${board}.yaml`);
    const out = join(bench.folder(), 'runs');
    judgement = await judge(bench.device(), { boardFile, options, out });
  });

  for (const explained of verdicts) {
    for (const id of explained.cases) {
      it(`${id} ${explained.verdict}`, () => mustBeAsExplained(judgement, id, explained));
    }
  }

  it('every case that ran is explained', () => assert.deepEqual(unexplained(judgement, verdicts), []));
}
