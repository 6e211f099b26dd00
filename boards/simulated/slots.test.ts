import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { type Defects } from './defects.ts';
import { manufacture } from './factory.ts';
import { IMAGE, imageFile, withFolder } from './testing/bench.ts';
import { cutDuring, PowerCut, smallImage, snapshot, stage, start, versionOf } from './testing/machine.ts';
import { type Machine } from './testing/machine.ts';

const OLD = smallImage('1.2.0', 5);
const NEW = smallImage('1.3.0', 6);
const PAIR = smallImage('1.2.1', 5);

describe('simulated gateway: swap of the slots', () => {
  it('boots the new image whole after a cut at every single step of the swap', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, NEW);
      machine.slots.flash.close();
      const restore = snapshot(folder);
      let step = 0;
      for (; cutDuring(folder, step); step += 1) {
        const after = start(folder);
        assert.equal(versionOf(after.report), '1.3.0', `cut at step ${step}`);
        assert.equal(after.updater.confirmation, 'trial');
        after.slots.flash.close();
        restore();
      }
      assert.ok(step > 400, `only ${step} steps: the sweep has missed the swap`);
    });
  });

  it('boots the old image whole after a cut at every step of the revert, and the two slots have changed places', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, NEW);
      machine.slots.flash.close();
      start(folder).slots.flash.close();
      const restore = snapshot(folder);
      let step = 0;
      for (; cutDuring(folder, step); step += 1) {
        const after = start(folder);
        assert.equal(versionOf(after.report), '1.2.0', `cut at step ${step}`);
        assert.equal(after.updater.confirmation, 'confirmed');
        assert.deepEqual(after.slots.imageBytes('secondary'), NEW);
        after.slots.flash.close();
        restore();
      }
      assert.ok(step > 400, `only ${step} steps: the sweep has missed the revert`);
    });
  });

  it('survives a second cut while it finishes after the first', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, PAIR);
      machine.slots.flash.close();
      const restore = snapshot(folder);
      for (let first = 3; first < 400; first += 31) {
        for (let second = 1; second < 400; second += 47) {
          assert.ok(cutDuring(folder, first));
          cutDuring(folder, second);
          const after = start(folder);
          // The second start may have finished the update; the third then takes the trial back.
          assert.ok(['1.2.0', '1.2.1'].includes(versionOf(after.report)), `cuts at ${first}, ${second}`);
          after.slots.flash.close();
          restore();
        }
      }
    });
  });

  it('boots the old image after a cut at every step of receiving and ordering an update', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      start(folder).slots.flash.close();
      const restore = snapshot(folder);
      const image = NEW;
      let cut = true;
      for (let step = 0; cut; step += 7) {
        let machine: Machine | undefined;
        try {
          machine = start(folder, step);
          stage(machine, image);
          cut = false;
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
        }
        machine?.slots.flash.close();
        const after = start(folder);
        const record = after.slots.record;
        if (cut) assert.ok(['1.2.0', '1.3.0'].includes(versionOf(after.report)), `cut at step ${step}`);
        else assert.equal(versionOf(after.report), '1.3.0');
        if (versionOf(after.report) === '1.3.0') assert.equal(record.state, 'trial');
        after.slots.flash.close();
        restore();
      }
    });
  });

  it('does the same with the images of the shelf', async () => {
    await withFolder((folder) => {
      manufacture(folder);
      const machine = start(folder);
      stage(machine, imageFile(IMAGE.newer));
      machine.slots.flash.close();
      const restore = snapshot(folder);
      for (let step = 5; cutDuring(folder, step); step += 101) {
        const after = start(folder);
        assert.equal(versionOf(after.report), '1.3.0', `cut at step ${step}`);
        after.slots.flash.close();
        restore();
      }
    });
  });

  it('raises the floor at the next start when a confirmation was cut before the bits were burnt', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, NEW);
      machine.slots.flash.close();
      const trial = start(folder);
      trial.slots.update({ state: 'settled' });
      trial.slots.flash.close();
      assert.equal(trial.floor.value, 5);
      const after = start(folder);
      after.slots.flash.close();
      assert.equal(after.floor.value, 6);
    });
  });

  it('defect torn-update-bricks: a cut during the swap leaves nothing that boots', async () => {
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, NEW);
      machine.slots.flash.close();
      assert.ok(cutDuring(folder, 200));
      const defects: Defects = new Set(['torn-update-bricks'] as const);
      const bricked = start(folder, Infinity, defects);
      bricked.slots.flash.close();
      assert.equal(bricked.report.outcome, 'dead');
    });
  });

  it('defect torn-revert-bricks: only a cut on the way back is never finished', async () => {
    const defects: Defects = new Set(['torn-revert-bricks'] as const);
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder, Infinity, defects);
      stage(machine, NEW);
      machine.slots.flash.close();
      assert.ok(cutDuring(folder, 200));
      const trial = start(folder, Infinity, defects);
      trial.slots.flash.close();
      assert.equal(versionOf(trial.report), '1.3.0');
      assert.ok(cutDuring(folder, 200));
      const bricked = start(folder, Infinity, defects);
      bricked.slots.flash.close();
      assert.equal(bricked.report.outcome, 'dead');
    });
  });

  it('defect second-cut-bricks: finishes after one cut at any step, and never after a second one', async () => {
    const defects: Defects = new Set(['second-cut-bricks'] as const);
    await withFolder((folder) => {
      manufacture(folder, OLD);
      const machine = start(folder);
      stage(machine, NEW);
      machine.slots.flash.close();
      const restore = snapshot(folder);
      for (let first = 3; cutDuring(folder, first, defects); first += 61) {
        const resumed = snapshot(folder, 'torn');
        const once = start(folder, Infinity, defects);
        once.slots.flash.close();
        assert.equal(versionOf(once.report), '1.3.0', `cut at step ${first}`);
        resumed();
        // Before the first mark, some 70 steps on, nothing has been cut that must be resumed.
        if (first > 80 && first < 300) {
          assert.ok(cutDuring(folder, 60, defects));
          const twice = start(folder, Infinity, defects);
          twice.slots.flash.close();
          assert.equal(twice.report.outcome, 'dead', `cuts at steps ${first} and then 60`);
        }
        restore();
      }
    });
  });
});
